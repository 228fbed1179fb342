"""python -m mat_core diagnose|evaluate: the command line.

Exit status 0; 1 where rows of a list were left out, each with its reason; 2 with a sentence on standard error.
"""

import argparse
import json
import sys
from pathlib import Path

from . import __version__
from .batch import answer_list, shard_of
from .errors import UserError
from .labels import BY_CODE, DISCLAIMER
from .machine import tune_heaps
from .metadata import LOCALIZATIONS, Metadata
from .wording import share

SHOWN_REGIONS = 5
ALONE = ("age", "sex", "localization", "json", "attention")  # options of a single image
LISTED = ("images", "shard", "batch")  # options of a list


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        if args.command == "evaluate":
            return _evaluate(args)
        given = [name for name in (ALONE if args.out else LISTED) if getattr(args, name)]
        if given:
            parser.error(f"--{given[0]} belongs to {'a single image' if args.out else 'a list: give --out FILE too'}")
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
    metadata = Metadata(args.age, args.sex, args.localization)
    from .diagnoser import Diagnoser  # imports torch: wrong metadata is told at once, without waiting for it

    if args.image.lower().endswith(".csv"):
        raise UserError(f"{args.image} is a table: say with --out FILE where its answers go.")
    diagnosis = Diagnoser.from_pretrained(args.checkpoint, args.revision)(args.image, metadata)
    if args.json or args.attention:
        print(json.dumps(diagnosis.to_dict(attention=args.attention)))
    else:
        print(_text(diagnosis))
    sys.stdout.flush()
    return 0


def _list(args: argparse.Namespace) -> int:
    tune_heaps()
    shard = shard_of(args.shard)
    if shard[1] > 1:
        print(f"shard {shard[0]} of {shard[1]}", file=sys.stderr)
    images = None if args.images is None else Path(args.images)
    done = answer_list(
        Path(args.image), Path(args.out), args.checkpoint, args.revision, images, shard, args.batch
    )  # fmt: skip
    print("\n".join([*done.reasons(), done.sentence(), DISCLAIMER]), file=sys.stderr)
    # torchrun and accelerate end all processes when one fails: there, the run that joins the shards tells
    return 1 if done.problems and not (shard[1] > 1 and args.shard is None) else 0


def _evaluate(args: argparse.Namespace) -> int:
    from .measuring.labelled import match

    found = match([Path(path) for path in args.answers], Path(args.labels))
    lines = [json.dumps(found.measured())] if args.json else found.lines()
    print("\n".join(lines), flush=True)
    for said in (*found.left_out, found.note):
        if said:
            print(said, file=sys.stderr)
    return 1 if found.left_out else 0


def _parser() -> argparse.ArgumentParser:
    text = "Diagnose dermatoscopic images with the Mutual Attention Transformer. Teaching demo."
    parser = argparse.ArgumentParser(prog="python -m mat_core", description=text)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    diagnose = commands.add_parser(
        "diagnose", help="class probabilities, regions and attention for one image, or a file of answers for many",
        description="One image; or, with --out, a folder of images or a csv file that names them with their metadata, "
        "in HAM10000's or the ISIC archive's columns. Status 0, 1 where rows were left out, 2 for an error.",
    )  # fmt: skip
    diagnose.add_argument("image", help="a JPEG, PNG, WebP, BMP, TIFF or GIF file; with --out, a folder or a csv file")
    diagnose.add_argument("--age", help="whole years, 0 to 120; leave out when unknown")
    diagnose.add_argument("--sex", help="female or male; leave out when unknown")
    diagnose.add_argument("--localization", metavar="SITE", help=", ".join(LOCALIZATIONS))
    diagnose.add_argument(
        "--checkpoint", metavar="BUNDLE", help="a bundle's folder or Hub id (default: the one in checkpoints/)"
    )
    diagnose.add_argument("--revision", help="of a Hub id: a commit, a tag or a branch (default: main)")
    diagnose.add_argument("--json", action="store_true", help="print JSON")
    diagnose.add_argument("--attention", action="store_true", help="print JSON with the attention maps")
    diagnose.add_argument("--out", metavar="FILE", help="answers of a list, .csv, .jsonl or .parquet; goes on from it")
    diagnose.add_argument("--images", metavar="DIR", help="where a table's images lie (default: beside it or below)")
    diagnose.add_argument(
        "--shard", metavar="I/N", help="only the I-th of N parts (default: all; under torchrun or accelerate, theirs)"
    )
    diagnose.add_argument("--batch", type=_count, help="images a pass (default: 16)")
    evaluate = commands.add_parser(
        "evaluate", help="how good answers are, with intervals (needs scikit-learn)",
        description="Status 0, 1 where images were left out, 2 for an error.",
    )  # fmt: skip
    evaluate.add_argument("answers", nargs="+", metavar="ANSWERS", help="what diagnose --out wrote, one or more files")
    evaluate.add_argument("labels", metavar="LABELS", help="a csv file with the images and their confirmed diagnoses")
    evaluate.add_argument("--json", action="store_true", help="print JSON, as a bundle's metrics.json has it")
    return parser


def _count(given: str) -> int:
    if not given.isdecimal() or not 1 <= int(given) <= 1024:
        raise argparse.ArgumentTypeError(f"a whole number from 1 to 1024; got {given}")
    return int(given)


def _text(diagnosis) -> str:
    lines = []
    for code, probability in sorted(diagnosis.probabilities.items(), key=lambda item: -item[1]):
        info = BY_CODE[code]
        mark = "" if info.nature == "benign" else f"  [{info.nature}]"
        lines.append(f"{share(probability):>7}  {code:5}  {info.name}{mark}")
    words = " ".join(word.text for word in diagnosis.words) or "(none: all metadata is unknown)"
    lines.append(f"words read: {words}")
    lines.append(f"first {SHOWN_REGIONS} of {len(diagnosis.regions)} regions (x1 y1 x2 y2, score, label):")
    best = diagnosis.regions.subset(slice(0, SHOWN_REGIONS))
    for box, score, name in zip(best.boxes, best.scores, best.names, strict=True):
        lines.append("  " + " ".join(f"{v:7.1f}" for v in box) + f"  {share(float(score)):>6}  {name}")
    return "\n".join([*lines, DISCLAIMER])


if __name__ == "__main__":
    sys.exit(main())
