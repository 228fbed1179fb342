"""The steps that need neither plan nor data as the others do, as they are asked on the command line."""

from argparse import Namespace

from mat_core.ham10000 import read_dataset

from ..presets import PRESETS
from ..steps.backbone import with_model
from ..steps.convert import convert_detector
from ..steps.push import bundle_folder
from ..steps.push import push as push_bundle
from ..steps.speed import machine, measure
from ..steps.split import make_split


def split(args: Namespace) -> None:
    """Of `make_split`."""
    print(make_split(read_dataset(args.data, None).cases, args.split_file, seed=args.seed))


def convert(args: Namespace) -> None:
    """Of `convert_detector`."""
    kinds = tuple(kind.strip() for kind in args.kinds.split(",")) if args.kinds else None
    print("convert-detector:", convert_detector(args.weights, args.model, args.output, kinds))


def push(args: Namespace) -> None:
    """Of `push`."""
    commit = push_bundle(bundle_folder(args.checkpoint), args.to, args.private)
    print(f"push: {args.to} at {commit}. To load these very weights:")
    print(f'Diagnoser.from_pretrained("{args.to}", revision="{commit}")')


def speed(args: Namespace) -> None:
    """Of `speed.measure`."""
    backbone = PRESETS[args.preset].backbone
    if args.backbone:
        backbone = with_model(backbone, args.backbone)
    print(f"speed: {machine()}")
    for size in args.sizes or dict.fromkeys(backbone.sizes):
        for line in measure(backbone.name, size, args.batch or backbone.recipe.batch_size, args.repeats, args.warm_up):
            print(line, flush=True)
