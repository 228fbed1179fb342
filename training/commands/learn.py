"""The steps of 'all', from images to a bundle, as they are asked on the command line."""

import json
from argparse import Namespace
from dataclasses import asdict, replace

from mat_core.ham10000 import Dataset

from ..data.glove import WordVectors
from ..data.splits import hold_out
from ..presets import Plan
from ..steps.backbone import train_backbone
from ..steps.bundle import make_bundle
from ..steps.detector import train_detector, trained_detector
from ..steps.features import cache_features
from ..steps.mat import train_mat
from .asked import other_detector, row_of, used_detector, vectors_of
from .judge import measure_bundles


def backbone(args: Namespace, plan: Plan, data: Dataset) -> None:
    """Of `train_backbone`, without what is held out."""
    learnt, _ = hold_out(data, plan.features.held_out)
    print("backbone:", train_backbone(learnt, args.runs / "backbone", plan.backbone, args.backbone_weights))


def detector(args: Namespace, plan: Plan, data: Dataset) -> None:
    """Of `train_detector`, without what is held out."""
    learnt, _ = hold_out(data, plan.features.held_out)
    weights = args.runs / "backbone" / "best.safetensors"
    print("detector:", train_detector(learnt, args.runs / "detector", weights, plan.detector))


def features(args: Namespace, plan: Plan, data: Dataset) -> None:
    """Of `cache_features`."""
    source = other_detector(args) or trained_detector(args.runs / "detector", plan.detector.config)
    cache_features(data, args.runs / "features", source, plan.features)
    print("features: complete")


def mat(args: Namespace, plan: Plan, data: Dataset) -> None:
    """Of `train_mat`."""
    _mat(args, plan, data, vectors_of(args))


def bundle(args: Namespace, plan: Plan, data: Dataset) -> None:
    """Of `make_bundle`."""
    name, settings = row_of(args, plan)
    source = used_detector(args, plan)
    used = json.loads(json.dumps(asdict(replace(plan, mat=settings))))
    if source.kind != "torchvision":  # it was trained elsewhere
        del used["backbone"], used["detector"]
    made = make_bundle(
        data, args.runs / str(name), args.runs / "features", plan.features, settings, source, args.checkpoint,
        args.split_file, {"preset": args.preset, "plan": used}, args.beside,
    )  # fmt: skip
    print(f"bundle: {args.checkpoint}, temperature {made.temperature:.3f} from val")


def everything(args: Namespace, plan: Plan, data: Dataset) -> None:
    """All of these and `evaluate`; another detector needs no training here."""
    # it is long: an option that cannot be is told before it begins
    trains_detector, vectors = other_detector(args) is None, vectors_of(args)
    if trains_detector:
        backbone(args, plan, data)
        detector(args, plan, data)
    features(args, plan, data)
    _mat(args, plan, data, vectors)
    bundle(args, plan, data)
    measure_bundles(data, args.checkpoint, save=True)


def _mat(args: Namespace, plan: Plan, data: Dataset, vectors: WordVectors | None) -> None:
    name, settings = row_of(args, plan)
    run, features_run = args.runs / str(name), args.runs / "features"
    print(f"{name}:", train_mat(data, run, features_run, plan.features, settings, vectors))
