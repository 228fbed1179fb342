"""From parsed options to the steps' arguments: plan, data, row, word vectors, detector."""

import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from mat_core.data.ham10000 import Dataset, read_dataset
from mat_core.data.metadata import closed_vocabulary
from mat_core.errors import ConfigError

from ..data.dataset import set_num_workers
from ..data.extra import add_folder
from ..data.glove import WordVectors, read_glove
from ..presets import PRESETS, Plan, with_backbone
from ..results.run_names import ExperimentName
from ..steps.convert_detectron2 import detectron2_source, recorded_source
from ..steps.detector import DetectorSource, bundle_source, trained_detector
from ..steps.experiments import row_name, row_settings
from ..steps.mat import MATSettings
from ..steps.region_features import recorded


def read_data(args: Namespace) -> Dataset:
    """The data set; prints problems with files and sets the number of workers."""
    set_num_workers(getattr(args, "workers", None))
    first, *others = args.data if isinstance(args.data, list) else [args.data]
    data = read_dataset(first, args.split_file)
    for folder in others:
        data = add_folder(data, folder)
    for problem in data.problems:
        print(problem, file=sys.stderr)
    return data


def read_plan(args: Namespace) -> Plan:
    """The preset with the options' changes."""
    plan = PRESETS[args.preset]
    if getattr(args, "unit", None):
        plan = replace(plan, mat=replace(plan.mat, unit=args.unit))
    return with_backbone(plan, args.backbone) if getattr(args, "backbone", None) else plan


def row_of(args: Namespace, plan: Plan) -> tuple[ExperimentName, MATSettings]:
    """Name and settings of the row of --row or --unit."""
    name = row_name(args.row or str(ExperimentName("clean", plan.mat.unit, plan.mat.recipe.seed)))
    return name, row_settings(name, plan.mat)


def word_vectors(args: Namespace) -> WordVectors | None:
    """The word vectors of --glove; None: the installed ones."""
    if not args.glove:
        if args.glove_width:
            raise ConfigError("--glove-width chooses within the file of --glove: give that too.")
        return None
    vectors = read_glove(args.glove, closed_vocabulary(), args.glove_width)
    print("glove:", vectors.summary(), flush=True)
    return vectors


def other_detector(args: Namespace, plan: Plan) -> DetectorSource | None:
    """The detector of --detector; None without it."""
    if not args.detector:
        if args.detector_weights or args.detector_side:
            raise ConfigError("--detector-weights and --detector-side belong to --detector: give that too.")
        return None
    kind, _, model = args.detector.partition(":")
    if kind == "bundle" and model:
        return bundle_source(Path(model), plan.detector.config)
    if kind != "detectron2" or not model:
        raise ConfigError(
            f"--detector must be detectron2:MODEL or bundle:FOLDER, or left out to train one; got {args.detector!r}."
        )
    if not args.detector_weights:
        raise ConfigError("--detector needs --detector-weights, a file that convert-detector wrote.")
    return detectron2_source(model, args.detector_weights, args.detector_side)


def bundle_detector(args: Namespace, plan: Plan) -> DetectorSource:
    """The detector of --detector, else that of the features."""
    record = recorded(args.runs / "features")
    if args.detector or record is None or record["kind"] == "torchvision":
        return other_detector(args, plan) or trained_detector(args.runs / "detector", plan.detector.config)
    return recorded_source(record)
