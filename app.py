"""python app.py: serve the demo as a web page. Exit status 0, or 2 with an error message."""

import argparse
import errno
import ipaddress
import os
import re
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from interface.server.runtime_dirs import private_cache


def main(argv: list[str] | None = None) -> int:
    """Load a bundle, build the app and serve it until SIGINT or SIGTERM. Returns the exit status."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.keyfile and not args.certfile:
        parser.error("--keyfile needs --certfile")
    if args.share and args.certfile:
        parser.error("--share has https of its own: leave --certfile out")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that uploads are deleted here too
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(private_cache())
        except OSError:
            return _fail("There is no folder for temporary files. Name a writable one in TMPDIR.")
        return _serve(args, folder)


def _serve(args: argparse.Namespace, folder: Path) -> int:
    print("Loading the model ...", flush=True)
    # not at the top: libraries read the environment, which private_cache sets, while they are imported
    import torch

    from interface.lessons.catalog import missing_cases, open_catalog
    from mat_core import Diagnoser, UserError
    from mat_core.utils.cpu import available_cpus, limit_malloc_arenas
    from teaching.cases.examples import real_examples, synthetic_examples
    from teaching.cases.library import open_library

    limit_malloc_arenas()
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(available_cpus())
    try:
        diagnoser = Diagnoser.from_pretrained(args.checkpoint, args.revision)
        library, problems = open_library(args.data, args.offline, folder, own=args.cases)
        examples = real_examples(library) if args.data else synthetic_examples(folder)
        catalog = open_catalog(args.lessons)
        for problem in (*problems, *catalog.problems, *missing_cases(catalog.lessons(), library)):
            print(problem, file=sys.stderr)
        # imports gradio, which is slow: errors above are reported before
        from interface.app import build_demo, serve
        from interface.server.serving import Certificate

        certificate = Certificate(args.certfile, args.keyfile) if args.certfile else None
        if certificate:
            certificate.check()
        if args.share:
            print("--share: anyone on the internet who has the link can reach the page and upload images.")
        demo = build_demo(diagnoser, examples, library, catalog)
        serve(demo, args.host, args.port, args.share, args.mcp, args.proxy, args.embed, certificate)
    except UserError as error:
        return _fail(error)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return _fail("The disk is full: the app needs room for a few MB of temporary files. Name a folder in TMPDIR.")
    return 0


def _fail(error: object) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    text = "The Mutual Attention Transformer in a browser: a teaching demo, not a medical device."
    parser = argparse.ArgumentParser(prog="python app.py", description=text)
    env = os.environ.get
    parser.add_argument(
        "--host", default=env("GRADIO_SERVER_NAME") or None,
        help="address to listen on (default: $GRADIO_SERVER_NAME, or this machine only, 127.0.0.1)",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=_port, default=env("GRADIO_SERVER_PORT") or env("PORT") or None,
        help="default: $GRADIO_SERVER_PORT, $PORT, or the first free one from 7860 on",
    )  # fmt: skip
    parser.add_argument(
        "--checkpoint", metavar="BUNDLE", help="a bundle's folder or Hub id (default: the one in checkpoints/)"
    )
    parser.add_argument("--revision", help="of a Hub id: a commit, a tag or a branch (default: main)")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and end")
    parser.add_argument("--share", action="store_true", help="make the page reachable from the whole internet")
    parser.add_argument(
        "--proxy", type=_proxies, metavar="ADDRESSES", default=env("FORWARDED_ALLOW_IPS") or _known_proxies(),
        help="addresses or networks of proxies in front of the app, with commas: what they say of a visitor's address "
        "is believed (default: $FORWARDED_ALLOW_IPS; on a Space, its own)",
    )  # fmt: skip
    parser.add_argument(
        "--embed", type=_origin, metavar="ORIGIN", action="append", default=[],
        help="a site that may show the page in a frame, such as https://moodle.example; may be repeated",
    )  # fmt: skip
    parser.add_argument("--certfile", metavar="FILE", help="serve https with this certificate (PEM)")
    parser.add_argument("--keyfile", metavar="FILE", help="the certificate's key, where --certfile does not contain it")
    parser.add_argument("--data", metavar="DIR", help="a HAM10000 folder: the examples are then real test cases")
    parser.add_argument(
        "--cases", metavar="DIR",
        help="a folder with images and cases.csv (id,truth,age,sex,localization,confirmed,source), used by Practice",
    )  # fmt: skip
    parser.add_argument("--lessons", metavar="DIR", help="a folder with lessons of your own: docs/LESSONS.md")
    parser.add_argument(
        "--offline", action="store_true",
        help="never ask the ISIC archive for a photograph; else it is asked when somebody opens a named case, and only "
        "then",
    )  # fmt: skip
    parser.add_argument(
        "--mcp", action="store_true", default=env("GRADIO_MCP_SERVER", "").lower() == "true",
        help="serve the endpoints as tools of the Model Context Protocol too (default: $GRADIO_MCP_SERVER)",
    )  # fmt: skip
    return parser


class _Version(argparse.Action):
    def __call__(self, parser, *_):
        # read, not imported: mat_core takes seconds to load
        text = (Path(__file__).parent / "mat_core" / "__init__.py").read_text(encoding="utf-8")
        print(re.search(r'__version__ = "([^"]+)"', text)[1])
        parser.exit()


def _port(value: str) -> int:
    try:
        port = int(value)
    except ValueError:
        port = 0
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535; got {value}")
    return port


def _proxies(value: str) -> str:
    try:
        for part in filter(None, (p.strip() for p in value.split(","))):
            ipaddress.ip_network("0.0.0.0/0" if part == "*" else part, strict=False)
    except ValueError:
        raise argparse.ArgumentTypeError(f"give addresses such as 10.0.0.0/8,127.0.0.1; got {value}") from None
    return value.replace("*", "0.0.0.0/0,::/0")


def _origin(value: str) -> str:
    origin = value.rstrip("/")
    if not re.fullmatch(r"https?://(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?", origin, re.IGNORECASE):
        raise argparse.ArgumentTypeError(f"give scheme and host, such as https://moodle.example; got {value}")
    return origin


def _known_proxies() -> str:
    """On a Space, everything comes through its proxy, from a private address."""
    return "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.0/8" if os.environ.get("SPACE_ID") else ""


if __name__ == "__main__":
    sys.exit(main())
