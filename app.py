"""python app.py: the demo in a browser. Exit status 0, or 2 with a sentence on standard error."""

import argparse
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from interface.private_cache import private_cache


def main(argv: list[str] | None = None) -> int:
    """Load a bundle, build the app and serve it until it is told to end. Returns the exit status."""
    args = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that uploads are deleted on a polite kill too
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(private_cache())
        except OSError:
            return _told("There is no folder to write temporary files to. Name one in TMPDIR.")
        return _serve(args, folder)


def _serve(args: argparse.Namespace, folder: Path) -> int:
    # only now: libraries read the names of their cache folders while they are imported
    from interface.examples import real_examples, synthetic_examples
    from mat_core import Diagnoser, UserError

    try:
        diagnoser = Diagnoser.from_pretrained(args.checkpoint)
        examples = real_examples(args.data) if args.data else synthetic_examples(folder)
        # imports gradio: slow, so what is wrong above is told first
        from interface.demo import build_demo, serve

        if args.share:
            print("--share: anyone on the internet who has the link can reach the page and upload images.")
        serve(build_demo(diagnoser, examples), args.host, args.port, args.share, args.mcp)
    except UserError as error:
        return _told(error)
    return 0


def _told(error: object) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    text = "The Mutual Attention Transformer in a browser: a teaching demo, not a medical device."
    parser = argparse.ArgumentParser(prog="python app.py", description=text)
    given = os.environ.get
    parser.add_argument(
        "--host", default=given("GRADIO_SERVER_NAME") or None,
        help="address to listen on (default: $GRADIO_SERVER_NAME, or this machine only, 127.0.0.1)",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=int, default=given("GRADIO_SERVER_PORT") or given("PORT") or None,
        help="default: $GRADIO_SERVER_PORT, $PORT, or the first free one from 7860 on",
    )  # fmt: skip
    parser.add_argument(
        "--checkpoint", metavar="BUNDLE", help="a bundle's folder or Hub id (default: the one in checkpoints/)"
    )
    parser.add_argument("--share", action="store_true", help="make the page reachable from the whole internet")
    parser.add_argument("--data", metavar="DIR", help="a HAM10000 folder: the examples are then its test cases")
    parser.add_argument(
        "--mcp", action="store_true", default=given("GRADIO_MCP_SERVER", "").lower() == "true",
        help="serve the endpoints as tools of the Model Context Protocol too (default: $GRADIO_MCP_SERVER)",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
