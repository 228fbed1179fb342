"""python -m mat_core diagnose IMAGE: the command line. Exit status 0, or 2 with a sentence on standard error."""

import argparse
import json
import sys

from .errors import UserError
from .labels import BY_CODE, DISCLAIMER
from .metadata import LOCALIZATIONS, Metadata
from .wording import share

SHOWN_REGIONS = 5


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    args = _parser().parse_args(argv)
    try:
        metadata = Metadata(args.age, args.sex, args.localization)
        from .diagnoser import Diagnoser  # imports torch: wrong metadata is told at once, without waiting for it

        diagnosis = Diagnoser.from_pretrained(args.checkpoint)(args.image, metadata)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        if args.json or args.attention:
            print(json.dumps(diagnosis.to_dict(attention=args.attention)))
        else:
            print(_text(diagnosis))
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` is no error of ours
        sys.stderr.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    text = "Diagnose a dermatoscopic image with the Mutual Attention Transformer. Teaching demo."
    parser = argparse.ArgumentParser(prog="python -m mat_core", description=text)
    commands = parser.add_subparsers(dest="command", required=True)
    diagnose = commands.add_parser("diagnose", help="class probabilities, regions and attention for one image")
    diagnose.add_argument("image", help="a JPEG, PNG, WebP, BMP, TIFF or GIF file")
    diagnose.add_argument("--age", help="whole years, 0 to 120; leave out when unknown")
    diagnose.add_argument("--sex", help="female or male; leave out when unknown")
    diagnose.add_argument("--localization", metavar="SITE", help=", ".join(LOCALIZATIONS))
    diagnose.add_argument(
        "--checkpoint", metavar="BUNDLE", help="a bundle's folder or Hub id (default: the one in checkpoints/)"
    )
    diagnose.add_argument("--json", action="store_true", help="print JSON")
    diagnose.add_argument("--attention", action="store_true", help="print JSON with the attention maps")
    return parser


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
