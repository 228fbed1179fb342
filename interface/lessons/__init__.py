"""Lessons: Markdown files that set the page step by step. Importing the package registers all values."""

from . import values_prediction, values_attention, values_counterfactual  # noqa: F401, I001  # the order of the table
