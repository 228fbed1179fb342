"""The options of the steps, each once; `table` says which step takes which. Loads no torch."""

import argparse
from pathlib import Path

from mat_core.ham10000 import SPLIT_FILE
from mat_core.places import CASES_FILE, DEFAULT

from ..results.names import RESULTS
from .step import Option

# those of `presets`, which imports torch; a test compares
PRESETS = ("two-cores", "long", "mixed", "crops", "whole", "short", "paper", "smoke")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) >= 32 for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH, such as 168x224, of 32 pixels and more")
    return int(sides[0]), int(sides[1])


FOLDER = Option("--data", "folder of the HAM10000 download", {"type": Path, "required": True})
SPLIT_CSV = Option("--split-file", "csv of the split (default: our own)", {"type": Path, "default": SPLIT_FILE})
DATA = (FOLDER, SPLIT_CSV)
RUNS = Option("--runs", "where runs are kept (default: runs)", {"type": Path, "default": Path("runs")})
PRESET = Option("--preset", "the plan (default: two-cores)", {"choices": PRESETS, "default": "two-cores"})
PLANNED = (*DATA, RUNS, PRESET)

BACKBONE = Option("--backbone", "any timm model with maps of strides 8, 16, 32 (default: the plan's)")
BACKBONE_WEIGHTS = Option("--backbone-weights", "its ImageNet weights, timm's safetensors", {"type": Path})
CLASSIFIER = Option("--model", "a timm model's name (default: the plan's backbone)")

UNIT = Option("--unit", "transformer unit (default: sga-sga)")
ROW = Option("--row", "a row of the tables (default: clean-UNIT-seed0)")
NETWORK = (UNIT, ROW)
GLOVE = (
    Option("--glove", "a GloVe file, text or zip (default: 6B 50d)", {"type": Path}),
    Option("--glove-width", "numbers a word, for a zip of several files", {"type": int}),
)
DETECTOR = (
    Option("--detector", "'detectron2:MODEL' (default: our own)"),
    Option("--detector-weights", "of --detector: what convert-detector wrote", {"type": Path}),
    Option("--detector-side", "of --detector: short side of its input (default: 800)", {"type": int}),
)

CHECKPOINT = Option("--checkpoint", "the bundle's folder (default: the app's)", {"type": Path, "default": DEFAULT})
TO = Option("--to", "the repository, as user/name", {"required": True, "metavar": "USER/NAME"})
PRIVATE = Option("--private", "where it is made: for its owner alone", {"action": "store_true"})
BESIDE = Option("--beside", "name of a bundle beside it with the same detector, to share it")
SPLIT = Option("--split", "which one (default: test)", {"default": "test", "choices": ("val", "test")})
SAVE = Option("--save", "keep the metrics in the bundle", {"action": "store_true"})
VIEWS = Option("--views", "mean over eight turned and mirrored views", {"action": "store_true"})
UNITS = Option("--units", "all bundles beside it with its detector, too", {"action": "store_true"})
LIMIT = Option("--limit", "only so many cases, drawn with --seed (default: all)", {"type": int})
SEED = Option("--seed", "of the draw (default: 0)", {"type": int, "default": 0})
ROWS = Option("--results", "rows of the tables (default: docs/results)", {"type": Path, "default": RESULTS})

CASEBOOK = (
    Option("--count", "cases at most (default: 48)", {"type": _positive, "default": 48}),
    Option("--output", "the file to write (default: assets/cases.json)", {"type": Path, "default": CASES_FILE}),
)

SPEED = (
    Option("--preset", "whose backbone, sizes and batch", {"choices": PRESETS, "default": "two-cores"}),
    Option("--backbone", "any timm model (default: the plan's)"),
    Option("--sizes", "of the images (default: the plan's)", {"nargs": "+", "type": _size, "metavar": "HxW"}),
    Option("--batch", "images a step (default: the plan's)", {"type": _positive}),
    Option("--repeats", "steps that count (default: 7)", {"type": _positive, "default": 7}),
    Option("--warm-up", "steps before (default: 2)", {"type": _positive, "default": 2}),
)
CONVERT = (
    Option("--weights", "the zoo's .pkl; 'zoo': download it", {"required": True, "metavar": "FILE"}),
    Option("--model", "its name there, such as COCO-Detection/faster_rcnn_....yaml", {"required": True}),
    Option("--output", "the safetensors file to write", {"type": Path, "required": True}),
    Option("--kinds", "what its class head was taught, with commas (default: COCO's 80)"),
)
