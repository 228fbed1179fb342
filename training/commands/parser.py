"""The command line of `python -m training`. Imports no torch: --help and errors must not wait for it."""

import argparse
from pathlib import Path

from mat_core.data.ham10000 import SPLIT_FILE
from mat_core.utils.paths import DEFAULT
from teaching.paths import CASES_FILE

from ..results.run_names import RESULTS

# those of `presets`, which imports torch; a test compares them
PRESETS = (
    "two-cores", "long", "mixed", "crops", "progressive", "refined", "last-regions", "local-regions",
    "last-local-regions", "lesion-and-parts", "whole", "short", "paper", "smoke",
)  # fmt: skip


def build_parser() -> argparse.ArgumentParser:
    """The parser; `func` of what it returns names the function of `commands.run` that runs the step."""
    parser = argparse.ArgumentParser(
        prog="python -m training", description="From a HAM10000 folder to a model bundle, one command a step.",
        allow_abbrev=False,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True, metavar="STEP")

    def step(name: str, text: str, func: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text, parents=parents, allow_abbrev=False)
        command.set_defaults(func=func)
        return command

    data = _group()
    data.add_argument("--data", type=Path, required=True, help="folder of the HAM10000 download")
    split_file = _group()
    split_file.add_argument("--split-file", type=Path, default=SPLIT_FILE, help="csv of the split (default: our own)")
    data = _group(data, split_file)
    folders = _group()
    folders.add_argument(
        "--data", type=Path, action="append", required=True,
        help="folder of the HAM10000 download; given again: a further folder (docs/TRAINING.md), for training only",
    )  # fmt: skip
    runs = _group()
    runs.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs (default: runs)")
    preset = _group()
    preset.add_argument("--preset", choices=PRESETS, default="two-cores", help="the plan (default: two-cores)")
    workers = _group()
    workers.add_argument(
        "--workers", type=_count,
        help="processes that read images, 0: none (default: one a core; 0 where shared memory is too small)",
    )  # fmt: skip
    backbone = _group()
    backbone.add_argument("--backbone", help="a timm model with maps of strides 8, 16, 32 (default: the plan's)")
    weights = _group()
    weights.add_argument(
        "--backbone-weights", type=Path, help="weights to start from: timm's, or a bundle's detector.safetensors"
    )
    row = _group()
    row.add_argument("--unit", help="transformer unit (default: sga-sga)")
    row.add_argument("--row", help="a row of the tables (default: clean-UNIT-seed0)")
    glove = _group()
    glove.add_argument("--glove", type=Path, help="a GloVe file, text or zip (default: 6B 50d)")
    glove.add_argument("--glove-width", type=int, help="numbers a word, for a zip of several files")
    detector = _group()
    detector.add_argument("--detector", help="'detectron2:MODEL' or 'bundle:FOLDER' (default: trained here)")
    detector.add_argument("--detector-weights", type=Path, help="of --detector: what convert-detector wrote")
    detector.add_argument("--detector-side", type=int, help="of --detector: short side of its input (default: 800)")
    checkpoint = _group()
    checkpoint.add_argument("--checkpoint", type=Path, default=DEFAULT, help="the bundle's folder (default: the app's)")
    beside = _group()
    beside.add_argument("--beside", help="name of a bundle beside it with the same detector, to share it")
    split = _group()
    split.add_argument("--split", choices=("val", "test"), default="test", help="which one (default: test)")
    seed = _group()
    seed.add_argument("--seed", type=int, default=0, help="of the draw (default: 0)")
    draw = _group(seed)
    draw.add_argument("--limit", type=int, help="only so many cases, drawn with --seed (default: all)")
    save = _group()
    save.add_argument("--save", action="store_true", help="write the metrics into the bundle")
    results = _group()
    results.add_argument("--results", type=Path, default=RESULTS, help="rows of the tables (default: docs/results)")
    plan = _group(folders, split_file, runs, preset)
    images = _group(plan, workers, backbone)

    step(
        "split",
        "make a new split by lesion (the project's own is ham10000_split.csv in mat_core/data)",
        "split",
        data,
        seed,
    )
    step("backbone", "train the ImageNet backbone as a classifier of whole images", "backbone", images, weights)
    step("detector", "train Faster R-CNN on the lesion boxes of the masks", "detector", images)
    step("features", "cache the regions of every image, several augmented views", "features", images, detector)
    step("mat", "train the Mutual Attention Transformer on the cached regions", "mat", plan, row, glove)
    step(
        "bundle", "calibrate on val, fit the novelty score, index the training lesions and write the bundle", "bundle",
        plan, workers, backbone, row, detector, checkpoint, beside,
    )  # fmt: skip
    evaluate = step("evaluate", "measure a bundle on a split", "evaluate", data, checkpoint, split, save)
    evaluate.add_argument("--views", action="store_true", help="mean over eight rotated and mirrored views")
    evaluate.add_argument("--units", action="store_true", help="also all bundles beside it with the same detector")
    step(
        "explain", "compare rankings of regions with occlusion and ablation on a split (after evaluate --save)",
        "explain", data, runs, checkpoint, split, draw, save,
    )  # fmt: skip
    step(
        "similarity", "how similar the regions become in the blocks of every unit, on a split (after evaluate --save)",
        "similarity", data, checkpoint, split, draw, save,
    )  # fmt: skip
    step(
        "similar-cases", "index the training lesions for similar cases and measure it (after evaluate --save)",
        "similar_cases", data, runs, workers, checkpoint, split, save,
    )  # fmt: skip
    quality = step(
        "quality", "limits of the photograph check from train, and how often it warns on a split", "quality",
        data, split, results,
    )  # fmt: skip
    quality.add_argument(
        "--output",
        type=Path,
        help="file of the limits (default: mat_core/data/image_quality.json)",
    )
    cases = step("cases", "choose the named test cases of the app from a bundle's answers", "cases", data, checkpoint)
    cases.add_argument("--count", type=_positive, default=48, help="cases at most (default: 48)")
    cases.add_argument(
        "--output", type=Path, default=CASES_FILE, help="file to write (default: teaching/data/cases.json)"
    )
    baseline = step(
        "baseline", "train a timm classifier of whole images, to compare with", "baseline", images, weights, results
    )
    baseline.add_argument("--model", help="a timm model's name (default: the plan's backbone)")
    step(
        "rows", "train every row of the paper's table and the controls, under both protocols", "rows",
        images, glove, results,
    )  # fmt: skip
    step("report", "the metrics of docs/results, and the documents made of them", "report", data, checkpoint, results)
    push = step("push", "upload a bundle with its card and checksums to the Hugging Face Hub", "push", checkpoint)
    push.add_argument("--to", required=True, metavar="USER/NAME", help="the repository, as user/name")
    push.add_argument("--private", action="store_true", help="create the repository as private")
    step(
        "all", "backbone, detector, features, mat, bundle, and evaluate --save on test", "all_steps",
        images, weights, row, glove, detector, checkpoint, beside,
    )  # fmt: skip
    step("status", "epochs, scores and time left of every run", "status", runs)
    speed = step(
        "speed", "time a training step of the backbone with and without what makes it faster", "speed", preset, backbone
    )
    speed.add_argument("--sizes", nargs="+", type=_size, metavar="HxW", help="of the images (default: the plan's)")
    speed.add_argument("--batch", type=_positive, help="images a step (default: the plan's)")
    speed.add_argument("--repeats", type=_positive, default=7, help="steps that count (default: 7)")
    speed.add_argument("--warm-up", type=_positive, default=2, help="steps before (default: 2)")
    convert = step(
        "convert-detector", "weights of detectron2's model zoo to safetensors (docs/DETECTRON2.md)", "convert_detector"
    )
    convert.add_argument("--weights", required=True, metavar="FILE", help="the zoo's .pkl; 'zoo': download it")
    convert.add_argument("--model", required=True, help="its name there, e.g. COCO-Detection/faster_rcnn_....yaml")
    convert.add_argument("--output", type=Path, required=True, help="the safetensors file to write")
    convert.add_argument("--kinds", help="classes of its class head, separated by commas (default: COCO's 80)")
    return parser


def _group(*parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(add_help=False, parents=parents)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) != 2 or not all(side.isdecimal() and int(side) >= 32 for side in sides):
        raise argparse.ArgumentTypeError(f"{text!r} is not HEIGHTxWIDTH, e.g. 168x224, of 32 pixels and more")
    return int(sides[0]), int(sides[1])
