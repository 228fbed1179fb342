"""The steps of `python -m training`: what each is for, which options it takes, what it runs."""

import sys
from collections.abc import Sequence

from mat_core.errors import UserError

from . import alone, judge, learn
from . import options as o
from .asked import planned
from .status import STATUS
from .step import Step, parse

STEPS = (
    Step(
        "split", "make a new split by lesion (the project's own is assets/ham10000_split.csv)",
        (*o.DATA, o.SEED), alone.split,
    ),
    Step(
        "backbone", "teach the ImageNet backbone skin, as a whole-image classifier",
        (*o.PLANNED, o.BACKBONE, o.BACKBONE_WEIGHTS), planned(learn.backbone, notes=True),
    ),
    Step(
        "detector", "train Faster R-CNN on the lesion boxes of the masks",
        (*o.PLANNED, o.BACKBONE), planned(learn.detector, notes=True),
    ),
    Step(
        "features", "cache the regions of every image, several augmented views",
        (*o.PLANNED, o.BACKBONE, *o.DETECTOR), planned(learn.features, notes=True),
    ),
    Step(
        "mat", "train the Mutual Attention Transformer on the cached regions",
        (*o.PLANNED, *o.NETWORK, *o.GLOVE), planned(learn.mat, notes=True),
    ),
    Step(
        "bundle", "calibrate on val, fit the novelty score and write the model bundle",
        (*o.PLANNED, o.BACKBONE, *o.NETWORK, *o.DETECTOR, o.CHECKPOINT, o.BESIDE), planned(learn.bundle, notes=True),
    ),
    Step(
        "evaluate", "measure a bundle on a split",
        (*o.DATA, o.CHECKPOINT, o.SPLIT, o.VIEWS, o.UNITS, o.SAVE), judge.evaluate,
    ),
    Step(
        "explain", "check a bundle's attention against ablation on a whole split (after evaluate --save)",
        (*o.DATA, o.CHECKPOINT, o.SPLIT, o.LIMIT, o.SEED, o.SAVE), judge.explain,
    ),
    Step(
        "cases", "name the test cases that the app shows, chosen from a bundle's answers (assets/cases.json)",
        (*o.DATA, o.CHECKPOINT, *o.CASEBOOK), judge.cases,
    ),
    Step(
        "baseline", "train a plain timm classifier on the whole image, to compare with (--model NAME)",
        (*o.PLANNED, o.BACKBONE, o.BACKBONE_WEIGHTS, o.CLASSIFIER, o.ROWS), planned(judge.baseline),
    ),
    Step(
        "rows", "train every row of the paper's table and the controls, under both protocols",
        (*o.PLANNED, o.BACKBONE, *o.GLOVE, o.ROWS), planned(judge.rows),
    ),
    Step(
        "report", "the metrics of docs/results, and the documents made of them",
        (*o.DATA, o.CHECKPOINT, o.ROWS), judge.report,
    ),
    Step(
        "all", "backbone, detector, features, mat, bundle, and evaluate --save on test",
        (
            *o.PLANNED, o.BACKBONE, o.BACKBONE_WEIGHTS, *o.NETWORK, *o.GLOVE, *o.DETECTOR, o.CHECKPOINT, o.BESIDE,
        ), planned(learn.everything, notes=True),
    ),
    STATUS,
    Step(
        "speed", "measure a training step of the backbone with and without what makes it faster",
        o.SPEED, alone.speed,
    ),
    Step(
        "convert-detector", "weights of detectron2's model zoo to safetensors (docs/DETECTRON2.md)",
        o.CONVERT, alone.convert,
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
        print("\nstopped; the same command goes on from where it was saved last, minutes ago.", file=sys.stderr)
        return 130
    return 0
