"""A folder or a table of images in, a file of answers out: several images a pass, resumable, in shards.

rows        what is to be answered
columns     how other people's columns are read, in one table
work        the passes
journal     what was answered before a kill
answers     the file, as csv, JSON lines or parquet
command     all of it, as the command line asks it
"""

from .command import Outcome, answer_list, shard_of

__all__ = ["Outcome", "answer_list", "shard_of"]
