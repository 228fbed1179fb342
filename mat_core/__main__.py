"""python -m mat_core diagnose|evaluate: the command line.

Exit status 0; 1 where rows of a list were left out, each with its reason; 2 with an error message.
"""

import argparse
import json
import sys
from pathlib import Path

from . import __version__
from .batch import rank_and_world, run
from .data.labels import BY_CODE, DISCLAIMER
from .data.metadata import LOCALIZATIONS, Metadata
from .data.table_reader import TABLE_SUFFIXES
from .errors import UserError
from .evaluation.matching import join_labels
from .utils.cpu import limit_malloc_arenas
from .utils.formatting import format_percent

SHOWN_REGIONS = 5
ALONE = ("age", "sex", "localization", "json", "attention")  # options of a single image
LISTED = ("images", "batch", "any_image_type")  # options of a list


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        if args.command == "evaluate":
            return _evaluate(args)
        misplaced = [name for name in (ALONE if args.out else LISTED) if getattr(args, name)]
        if misplaced:
            option = misplaced[0].replace("_", "-")
            parser.error(f"--{option} belongs to {'a single image' if args.out else 'a list: give --out FILE too'}")
        return _list(args) if args.out else _single(args)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `| head` is no error of ours
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from there.", file=sys.stderr)
        return 130


def _single(args: argparse.Namespace) -> int:
    metadata = Metadata.parse(args.age, args.sex, args.localization)
    if args.image.lower().endswith(TABLE_SUFFIXES):
        raise UserError(f"{args.image} is a table: give --out FILE for its predictions.")
    from .data.image_loading import load_image  # these import OpenCV and torch: mistakes above are reported before
    from .data.image_quality import check_quality
    from .inference.diagnoser import Diagnoser

    diagnoser, image = Diagnoser.from_pretrained(args.checkpoint, args.revision), load_image(args.image)
    diagnosis, quality = diagnoser(image, metadata), check_quality(image)
    if args.json or args.attention:
        print(json.dumps(diagnosis.to_dict(attention=args.attention)))
    else:
        print("\n".join([*([quality.summary()] if quality.warnings else []), _text(diagnosis)]))
    sys.stdout.flush()
    return 0


def _list(args: argparse.Namespace) -> int:
    limit_malloc_arenas()
    images = None if args.images is None else Path(args.images)
    done = run(
        Path(args.image), Path(args.out), args.checkpoint, args.revision, images, args.batch, args.any_image_type
    )
    print("\n".join([*done.lines(), DISCLAIMER]), file=sys.stderr)
    # torchrun and accelerate end all processes when one fails
    return 1 if done.problems and rank_and_world() == (0, 1) else 0


def _evaluate(args: argparse.Namespace) -> int:
    predictions = join_labels([Path(path) for path in args.predictions], Path(args.labels))
    lines = [json.dumps(predictions.measured())] if args.json else predictions.lines()
    print("\n".join(lines), flush=True)
    for note in (*predictions.left_out, predictions.note):
        if note:
            print(note, file=sys.stderr)
    return 1 if predictions.left_out else 0


def _parser() -> argparse.ArgumentParser:
    text = "Diagnose dermatoscopic images with the Mutual Attention Transformer. Teaching demo."
    parser = argparse.ArgumentParser(prog="python -m mat_core", description=text)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    diagnose = commands.add_parser(
        "diagnose", help="class probabilities, regions and attention for one image, or a file of predictions for many",
        description="One image; or, with --out, a folder of images or a table that names them with their metadata, "
        "in HAM10000's or the ISIC archive's columns. Status 0, 1 where rows were left out, 2 for an error.",
    )  # fmt: skip
    diagnose.add_argument("image", help="an image (formats: docs/COMPATIBILITY.md); with --out, a folder or a table")
    diagnose.add_argument("--age", help="whole years, 0 to 120; leave out when unknown")
    diagnose.add_argument("--sex", help="female or male; leave out when unknown")
    diagnose.add_argument("--localization", metavar="SITE", help=", ".join(LOCALIZATIONS))
    diagnose.add_argument(
        "--checkpoint", metavar="BUNDLE", help="a bundle's folder or Hub id (default: the one in checkpoints/)"
    )
    diagnose.add_argument("--revision", help="of a Hub id: a commit, a tag or a branch (default: main)")
    diagnose.add_argument("--json", action="store_true", help="print JSON")
    diagnose.add_argument("--attention", action="store_true", help="print JSON with the attention maps")
    diagnose.add_argument(
        "--out", metavar="FILE", help="predictions of a list, .csv, .jsonl or .parquet; goes on from it"
    )
    diagnose.add_argument("--images", metavar="DIR", help="where a table's images lie (default: beside it or below)")
    diagnose.add_argument("--batch", type=_count, help="images that go through the model together (default: 16)")
    diagnose.add_argument(
        "--any-image-type", action="store_true", help="a table's rows whose image_type is no dermoscopy, too"
    )
    evaluate = commands.add_parser(
        "evaluate", help="how good predictions are, with intervals (needs scikit-learn)",
        description="Status 0, 1 where images were left out, 2 for an error.",
    )  # fmt: skip
    evaluate.add_argument("predictions", nargs="+", metavar="PREDICTIONS", help="files that diagnose --out wrote")
    evaluate.add_argument("labels", metavar="LABELS", help="a table of the images with their confirmed diagnoses")
    evaluate.add_argument("--json", action="store_true", help="print JSON, as a bundle's metrics.json has it")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"a whole number from 1 to 1024; got {text}")
    return int(text)


def _text(diagnosis) -> str:
    lines = []
    for code, probability in sorted(diagnosis.probabilities.items(), key=lambda item: -item[1]):
        info = BY_CODE[code]
        mark = "" if info.nature == "benign" else f"  [{info.nature}]"
        lines.append(f"{format_percent(probability):>7}  {code:5}  {info.name}{mark}")
    words = " ".join(word.text for word in diagnosis.words) or "(none: all metadata is unknown)"
    lines.append(f"words read: {words}")
    lines.append(f"first {SHOWN_REGIONS} of {len(diagnosis.regions)} regions (x1 y1 x2 y2, score, label):")
    best = diagnosis.regions.select(slice(0, SHOWN_REGIONS))
    for box, score, name in zip(best.boxes, best.scores, best.names, strict=True):
        lines.append("  " + " ".join(f"{v:7.1f}" for v in box) + f"  {format_percent(float(score)):>6}  {name}")
    return "\n".join([*lines, DISCLAIMER])


if __name__ == "__main__":
    sys.exit(main())
