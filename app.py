"""python app.py: the demo in a browser. Exit status 0, or 2 with a sentence on standard error."""

import argparse
import os
import signal
import sys

from interface.examples import real_examples, synthetic_examples
from interface.private_cache import private_cache
from mat_core import Diagnoser, UserError


def main(argv: list[str] | None = None) -> int:
    """Load a bundle, build the app and serve it until it is told to end. Returns the exit status."""
    args = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that uploads are deleted on a polite kill too
    with private_cache() as folder:
        try:
            diagnoser = Diagnoser.from_pretrained(args.checkpoint)
            examples = real_examples(args.data) if args.data else synthetic_examples(folder)
            # imports gradio: slow, so what is wrong above is told first; and it reads the private folder's name
            from interface.demo import build_demo, serve

            if args.share:
                print("--share: anyone on the internet who has the link can reach the page and upload images.")
            serve(build_demo(diagnoser, examples), args.host, args.port, args.share)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    text = "The Mutual Attention Transformer in a browser: a teaching demo, not a medical device."
    parser = argparse.ArgumentParser(prog="python app.py", description=text)
    host, port = os.environ.get("GRADIO_SERVER_NAME"), os.environ.get("GRADIO_SERVER_PORT")
    parser.add_argument("--host", default=host, help="address to listen on (default: this machine only, 127.0.0.1)")
    parser.add_argument("--port", type=int, default=port, help="default: the first free one from 7860 on")
    parser.add_argument(
        "--checkpoint", metavar="BUNDLE", help="a bundle's folder or Hub id (default: the one in checkpoints/)"
    )
    parser.add_argument("--share", action="store_true", help="make the page reachable from the whole internet")
    parser.add_argument("--data", metavar="DIR", help="a HAM10000 folder: the examples are then its test cases")
    return parser


if __name__ == "__main__":
    sys.exit(main())
