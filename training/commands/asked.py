"""What several steps are asked, from options to what the steps take: plan, data, row, words, detector."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from mat_core.errors import ConfigError
from mat_core.ham10000 import Dataset, read_dataset
from mat_core.metadata import closed_vocabulary
from mat_core.places import DEFAULT

from ..data.glove import WordVectors, read_glove
from ..engine.files import write_json
from ..engine.progress import PLAN
from ..presets import PRESETS, Plan, with_backbone
from ..results.names import RowName
from ..steps.convert import detectron2_source, recorded_source
from ..steps.detector import DetectorSource, trained_detector
from ..steps.features import recorded
from ..steps.mat import MATSettings
from ..steps.rows import row_name, row_settings

PlannedRun = Callable[[Namespace, Plan, Dataset], None]


def opened(args: Namespace) -> Dataset:
    """The data set; what is wrong with single files of it is printed."""
    data = read_dataset(args.data, args.split_file)
    for problem in data.problems:
        print(problem, file=sys.stderr)
    return data


def planned(run: PlannedRun, notes: bool = False) -> Callable[[Namespace], None]:
    """A step's `run` from one that takes plan and data, too. notes: it is a step of which `status` tells."""

    def asked(args: Namespace) -> None:
        plan = plan_of(args)
        data = opened(args)
        if notes:
            note_plan(args, plan)
        run(args, plan, data)

    return asked


def plan_of(args: Namespace) -> Plan:
    """The preset with what the options change."""
    plan, said = PRESETS[args.preset], vars(args)
    if said.get("unit"):
        plan = replace(plan, mat=replace(plan.mat, unit=args.unit))
    return with_backbone(plan, args.backbone) if said.get("backbone") else plan


def note_plan(args: Namespace, plan: Plan) -> None:
    """What `status` tells of steps that have not begun. What this step is not asked stays as it was noted before."""
    said, before = vars(args), {}
    with suppress(OSError, ValueError):
        before = json.loads((args.runs / PLAN).read_text(encoding="utf-8"))
    before = before if isinstance(before, dict) else {}
    recipes = {"backbone": plan.backbone.recipe, "detector": plan.detector.recipe, "mat": plan.mat.recipe}
    noted = {
        "preset": args.preset,
        "epochs": {step: recipe.epochs for step, recipe in recipes.items()},
        "row": str(row_of(args, plan)[0]) if "row" in said else before.get("row", str(_default_row(plan))),
        "checkpoint": str(args.checkpoint.resolve())
        if "checkpoint" in said
        else before.get("checkpoint", str(DEFAULT)),
    }
    write_json(noted, args.runs / PLAN)


def row_of(args: Namespace, plan: Plan) -> tuple[RowName, MATSettings]:
    """Name and settings of the table's row that a step is about: it is the same run, whichever step trains it."""
    name = row_name(args.row) if args.row else _default_row(plan)
    return name, row_settings(name, plan.mat)


def _default_row(plan: Plan) -> RowName:
    return row_name(str(RowName("clean", plan.mat.unit, plan.mat.recipe.seed)))


def vectors_of(args: Namespace) -> WordVectors | None:
    """The word vectors of --glove; None for those that are installed."""
    if not args.glove:
        if args.glove_width:
            raise ConfigError("--glove-width chooses within the file of --glove: give that too.")
        return None
    vectors = read_glove(args.glove, closed_vocabulary(), args.glove_width)
    print("glove:", vectors.sentence(), flush=True)
    return vectors


def other_detector(args: Namespace) -> DetectorSource | None:
    """The source of features that --detector names; None without it."""
    if not args.detector:
        if args.detector_weights or args.detector_side:
            raise ConfigError("--detector-weights and --detector-side belong to --detector: give that too.")
        return None
    kind, _, model = args.detector.partition(":")
    if kind != "detectron2" or not model:
        raise ConfigError(f"--detector must be detectron2:MODEL, or left out for our own; got {args.detector!r}.")
    if not args.detector_weights:
        raise ConfigError("--detector needs --detector-weights, a file that convert-detector wrote.")
    return detectron2_source(model, args.detector_weights, args.detector_side)


def used_detector(args: Namespace, plan: Plan) -> DetectorSource:
    """The source that --detector names; without it, the one that the features are of."""
    made = recorded(args.runs / "features")
    if args.detector or made is None or made["kind"] == "torchvision":
        return other_detector(args) or trained_detector(args.runs / "detector", plan.detector.config)
    return recorded_source(made)
