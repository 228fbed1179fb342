"""Diagnose a folder or a table of images: several at a time, resumable, in one process or in several.

inputs        the images of a folder or of a table, with their metadata
inference     batches of images through the model
predictions   the file of predictions: csv, JSON lines or parquet
runner        all of it, as the command line calls it
"""

from .runner import RunSummary, rank_and_world, run

__all__ = ["RunSummary", "rank_and_world", "run"]
