"""python app.py: the demo in a browser. Exit status 0, or 2 with a sentence on standard error."""

import argparse
import errno
import ipaddress
import os
import re
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
    import torch

    from interface.examples import real_examples, synthetic_examples
    from interface.lessons.shelf import open_shelf, without_cases
    from interface.library.library import open_library
    from mat_core import Diagnoser, UserError
    from mat_core.machine import cores, tune_heaps

    tune_heaps()
    torch.set_num_threads(cores())
    try:
        diagnoser = Diagnoser.from_pretrained(args.checkpoint, args.revision)
        library, problems = open_library(args.data, args.offline, folder, own=args.cases)
        examples = real_examples(library) if args.data else synthetic_examples(folder)
        shelf = open_shelf(args.lessons)
        for problem in (*problems, *shelf.problems, *without_cases(shelf.lessons(), library)):
            print(problem, file=sys.stderr)
        # imports gradio: slow, so what is wrong above is told first
        from interface.demo import build_demo, serve

        if args.share:
            print("--share: anyone on the internet who has the link can reach the page and upload images.")
        serve(build_demo(diagnoser, examples, library, shelf), args.host, args.port, args.share, args.mcp, args.proxy)
    except UserError as error:
        return _told(error)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return _told("The disk is full: the app needs room for a few MB of temporary files. Name a folder in TMPDIR.")
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
        "--port", type=_port, default=given("GRADIO_SERVER_PORT") or given("PORT") or None,
        help="default: $GRADIO_SERVER_PORT, $PORT, or the first free one from 7860 on",
    )  # fmt: skip
    parser.add_argument(
        "--checkpoint", metavar="BUNDLE", help="a bundle's folder or Hub id (default: the one in checkpoints/)"
    )
    parser.add_argument("--revision", help="of a Hub id: a commit, a tag or a branch (default: main)")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and end")
    parser.add_argument("--share", action="store_true", help="make the page reachable from the whole internet")
    parser.add_argument(
        "--proxy", type=_proxies, metavar="ADDRESSES", default=given("FORWARDED_ALLOW_IPS") or _known_proxies(),
        help="addresses or networks of proxies in front of the app, with commas: what they say of a visitor's address "
        "is believed (default: $FORWARDED_ALLOW_IPS; on a Space, its own)",
    )  # fmt: skip
    parser.add_argument("--data", metavar="DIR", help="a HAM10000 folder: the examples are then real test cases")
    parser.add_argument(
        "--cases", metavar="DIR",
        help="a folder with pictures and cases.csv (id,truth,age,sex,localization,confirmed,source): Practice has them",
    )  # fmt: skip
    parser.add_argument("--lessons", metavar="DIR", help="a folder with lessons of your own: docs/LESSONS.md")
    parser.add_argument(
        "--offline", action="store_true",
        help="never ask the ISIC archive for a photograph; else it is asked when somebody opens a named case, and only "
        "then",
    )  # fmt: skip
    parser.add_argument(
        "--mcp", action="store_true", default=given("GRADIO_MCP_SERVER", "").lower() == "true",
        help="serve the endpoints as tools of the Model Context Protocol too (default: $GRADIO_MCP_SERVER)",
    )  # fmt: skip
    return parser


class _Version(argparse.Action):
    def __call__(self, parser, *_):
        # read, not imported: mat_core takes seconds to load
        text = (Path(__file__).parent / "mat_core" / "__init__.py").read_text(encoding="utf-8")
        print(re.search(r'__version__ = "([^"]+)"', text)[1])
        parser.exit()


def _port(given: str) -> int:
    try:
        port = int(given)
    except ValueError:
        port = 0
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535; got {given}")
    return port


def _proxies(given: str) -> str:
    try:
        for part in filter(None, (p.strip() for p in given.split(","))):
            ipaddress.ip_network("0.0.0.0/0" if part == "*" else part, strict=False)
    except ValueError:
        raise argparse.ArgumentTypeError(f"give addresses such as 10.0.0.0/8,127.0.0.1; got {given}") from None
    return given.replace("*", "0.0.0.0/0,::/0")


def _known_proxies() -> str:
    """On a Space, everything comes through its proxy, from a private address."""
    return "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.0/8" if os.environ.get("SPACE_ID") else ""


if __name__ == "__main__":
    sys.exit(main())
