"""The steps of `python -m training`: what each is for, which options it takes, what it runs. Loads no torch."""

import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib import import_module

from mat_core.errors import UserError

from . import options as o
from .status import STATUS
from .step import Step, parse


def _alone(module: str, name: str) -> Callable[[Namespace], None]:
    """A step's `run`: a function of a module beside this one, which is imported when it is run."""

    def run(args: Namespace) -> None:
        getattr(import_module(f".{module}", __package__), name)(args)

    return run


def _planned(module: str, name: str, notes: bool = False) -> Callable[[Namespace], None]:
    """The same for one that takes plan and data, see `asked.planned`."""

    def run(args: Namespace) -> None:
        from .asked import planned

        planned(getattr(import_module(f".{module}", __package__), name), notes)(args)

    return run


STEPS = (
    Step(
        "split", "make a new split by lesion (the project's own is assets/ham10000_split.csv)",
        (*o.DATA, o.SEED), _alone("alone", "split"),
    ),
    Step(
        "backbone", "teach the ImageNet backbone skin, as a whole-image classifier",
        (*o.PLANNED, o.BACKBONE, o.BACKBONE_WEIGHTS), _planned("learn", "backbone", notes=True),
    ),
    Step(
        "detector", "train Faster R-CNN on the lesion boxes of the masks",
        (*o.PLANNED, o.BACKBONE), _planned("learn", "detector", notes=True),
    ),
    Step(
        "features", "cache the regions of every image, several augmented views",
        (*o.PLANNED, o.BACKBONE, *o.DETECTOR), _planned("learn", "features", notes=True),
    ),
    Step(
        "mat", "train the Mutual Attention Transformer on the cached regions",
        (*o.PLANNED, *o.NETWORK, *o.GLOVE), _planned("learn", "mat", notes=True),
    ),
    Step(
        "bundle", "calibrate on val, fit the novelty score and write the model bundle",
        (*o.PLANNED, o.BACKBONE, *o.NETWORK, *o.DETECTOR, o.CHECKPOINT, o.BESIDE),
        _planned("learn", "bundle", notes=True),
    ),
    Step(
        "evaluate", "measure a bundle on a split",
        (*o.DATA, o.CHECKPOINT, o.SPLIT, o.VIEWS, o.UNITS, o.SAVE), _alone("judge", "evaluate"),
    ),
    Step(
        "explain", "check rankings of regions against hiding and taking away, on a split (after evaluate --save)",
        (*o.DATA, o.RUNS, o.CHECKPOINT, o.SPLIT, o.LIMIT, o.SEED, o.SAVE), _alone("judge", "explain"),
    ),
    Step(
        "similarity", "how alike every unit's blocks make the regions, on a split (after evaluate --save)",
        (*o.DATA, o.CHECKPOINT, o.SPLIT, o.LIMIT, o.SEED, o.SAVE), _alone("judge", "similarity"),
    ),
    Step(
        "cases", "name the test cases that the app shows, chosen from a bundle's answers (assets/cases.json)",
        (*o.DATA, o.CHECKPOINT, *o.CASEBOOK), _alone("judge", "cases"),
    ),
    Step(
        "baseline", "train a plain timm classifier on the whole image, to compare with (--model NAME)",
        (*o.PLANNED, o.BACKBONE, o.BACKBONE_WEIGHTS, o.CLASSIFIER, o.ROWS), _planned("judge", "baseline"),
    ),
    Step(
        "rows", "train every row of the paper's table and the controls, under both protocols",
        (*o.PLANNED, o.BACKBONE, *o.GLOVE, o.ROWS), _planned("judge", "rows"),
    ),
    Step(
        "report", "the metrics of docs/results, and the documents made of them",
        (*o.DATA, o.CHECKPOINT, o.ROWS), _alone("judge", "report"),
    ),
    Step(
        "push", "put a bundle with its card and checksums on the Hugging Face Hub",
        (o.CHECKPOINT, o.TO, o.PRIVATE), _alone("alone", "push"),
    ),
    Step(
        "all", "backbone, detector, features, mat, bundle, and evaluate --save on test",
        (
            *o.PLANNED, o.BACKBONE, o.BACKBONE_WEIGHTS, *o.NETWORK, *o.GLOVE, *o.DETECTOR, o.CHECKPOINT, o.BESIDE,
        ), _planned("learn", "everything", notes=True),
    ),
    STATUS,
    Step(
        "speed", "measure a training step of the backbone with and without what makes it faster",
        o.SPEED, _alone("alone", "speed"),
    ),
    Step(
        "convert-detector", "weights of detectron2's model zoo to safetensors (docs/DETECTRON2.md)",
        o.CONVERT, _alone("alone", "convert"),
    ),
)  # fmt: skip


def main(argv: Sequence[str]) -> int:
    """Run one step; 0 when it is done, 2 with a sentence when it cannot be, 130 when it was stopped."""
    step, args = parse(STEPS, argv)
    try:
        step.run(args)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the same command resumes at the last save, minutes ago.", file=sys.stderr)
        return 130
    return 0
