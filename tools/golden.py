"""Record what this checkout answers, and compare two records.

    PYTHONPATH=. python tools/golden.py make OUT [--like OTHER] [--data DIR] [--only PART ...]
    python tools/golden.py compare OTHER OUT

`make` starts the app of the working directory and writes to OUT: the JSON of every endpoint and the output of the
command line for three phantoms and, with --data, for ten test cases of HAM10000, and the text of every tab. --like
takes the cases of an earlier record. `compare` lists what differs; exit status 1 where something does. Records
hold answers about photographs and belong outside the repository.
"""

import argparse
import base64
import contextlib
import csv
import difflib
import io
import json
import os
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from tools.app_process import app_process

TOLERANCE = 1e-6
PARTS = ("tabs", "endpoints", "commands")
PHANTOMS = (
    (4, "bkl", {"age": 65, "sex": "male", "localization": "trunk"}),
    (18, "mel", {"age": 55, "sex": "female", "localization": "back"}),
    (2, "nv", {}),
)
# of a photograph: the endpoints that take long or repeat what the others say are asked about phantoms alone
SHORT = ("diagnose", "contributions", "similarity", "what_if", "doubt", "compare", "ablate")
TABS = ("Diagnose", "Explore", "Question", "Compare", "Learn", "Lessons", "Practice", "About")
QUESTIONS = ("Take away", "Hide", "Check attention", "What if", "Doubt")
PATIENCE = 120_000  # milliseconds
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SETTLED = "() => ![...document.querySelectorAll('[data-outdated], .progress-text')].some(each => each.offsetParent)"
TIMES = re.compile(r"(less than )?\b\d+(\.\d+)? m?s\b")


def make(out: Path, like: Path | None, data: Path | None, parts: list[str]) -> None:
    """Write these parts of the record of this working directory."""
    out.mkdir(parents=True, exist_ok=True)
    cases = _cases(out, like, data)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRADIO_")}
    with app_process("--offline", folder=Path.cwd(), env=environment) as (url, _):
        if "tabs" in parts:
            _write(out / "tabs.json", tabs(url))
        if "endpoints" in parts:
            _write(out / "endpoints.json", endpoints(url, cases))
    if "commands" in parts:
        _write(out / "commands.json", commands(cases, out))


def _cases(out: Path, like: Path | None, data: Path | None) -> dict[str, dict]:
    """Name -> 'path' and 'metadata', also written to cases.json."""
    from mat_core.data.ham10000 import read_dataset
    from mat_core.data.image_encoding import encode_png
    from teaching.phantoms import make_phantom

    if like:
        if like.resolve() != out.resolve():
            shutil.copytree(like / "images", out / "images", dirs_exist_ok=True)
        cases = json.loads((like / "cases.json").read_text())
        for case in cases.values():
            if "phantom" in case:
                case["path"] = str(out / "images" / Path(case["path"]).name)
    else:
        cases = {}
        (out / "images").mkdir(exist_ok=True)
        for seed, look, metadata in PHANTOMS:
            path = out / "images" / f"phantom-{seed}-{look}.png"
            path.write_bytes(encode_png(make_phantom(seed, look).image))
            cases[path.stem] = {"path": str(path.resolve()), "metadata": metadata, "phantom": True}
        if data:
            test = sorted(read_dataset(data).of("test"), key=lambda case: case.image_id)
            for case in test[:: len(test) // 10][:10]:
                values = {name: getattr(case.metadata, name) for name in ("age", "sex", "localization")}
                metadata = {name: value for name, value in values.items() if value is not None}
                cases[case.image_id] = {"path": str(case.image), "metadata": metadata}
    _write(out / "cases.json", cases)
    return cases


def endpoints(url: str, cases: dict[str, dict]) -> dict:
    """Endpoint -> case, or '' where it needs none -> answer."""
    from gradio_client import Client, handle_file
    from gradio_client.exceptions import AppError

    client = Client(url, verbose=False)
    api = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    answers: dict[str, dict] = {}
    for name, described in api.items():
        endpoint, takes = name.strip("/"), {p["parameter_name"] for p in described["parameters"]}
        inputs = {n: case for n, case in cases.items() if "phantom" in case or endpoint in SHORT}
        if "image" not in takes:
            inputs = {"": {"metadata": {"age": 55, "sex": "female", "localization": "back"}}}
        for case, given in inputs.items():
            values = {k: v for k, v in given["metadata"].items() if k in takes}
            if "image" in takes:
                values["image"] = handle_file(given["path"])
            print(f"{endpoint} {case}", flush=True)
            try:
                answer = client.predict(api_name=name, **values)
            except AppError as error:  # such as that there is no word to walk through
                answer = {"error": str(error)}
            answers.setdefault(endpoint, {})[case] = answer
    return answers


def commands(cases: dict[str, dict], out: Path) -> dict[str, str]:
    """Command -> what it wrote to standard output or to its file."""
    from mat_core.__main__ import main

    outputs = {}
    for name, case in cases.items():
        options = [text for key, value in case["metadata"].items() for text in (f"--{key}", str(value))]
        for more in ([], ["--json"]):
            outputs[" ".join(["diagnose", name, *more])] = _stdout(main, ["diagnose", case["path"], *options, *more])
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("csv", "jsonl"):
            answers = Path(folder) / f"answers.{kind}"
            _stdout(main, ["diagnose", str(out / "images"), "--out", str(answers)])
            outputs[f"diagnose images --out {kind}"] = answers.read_text()
    return outputs


def _stdout(main, arguments: list[str]) -> str:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        main(arguments)
    return text.getvalue()


def tabs(url: str) -> dict[str, str]:
    """Tab -> its text, of the case that the page opens with, and once more after a change of its age."""
    from playwright.sync_api import sync_playwright

    texts = {}
    with sync_playwright() as driver:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900}, locale="en-GB")
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        page.locator("#answer .bars li").first.wait_for()
        for name in TABS:
            page.get_by_role("tab", name=name, exact=True).click()
            for inner in QUESTIONS if name == "Question" else (None,):
                if inner:
                    page.get_by_role("tab", name=inner, exact=True).click()
                print(inner or name, flush=True)
                texts[inner or name] = _settled(page)
        page.get_by_role("tab", name="Diagnose", exact=True).click()
        page.locator("#age input").fill("30")
        page.locator("#age input").press("Tab")
        texts["Diagnose, age 30"] = _settled(page)
        browser.close()
    return texts


def _settled(page) -> str:
    """The page's text once it has not changed for two seconds and shows no view of another case."""
    before, same = None, 0
    while same < 4:
        page.wait_for_timeout(500)
        page.wait_for_function(SETTLED)
        text = page.locator("body").inner_text()
        same = same + 1 if text == before else 0
        before = text
    return TIMES.sub("# ms", before or "")


def compare(one: Path, other: Path) -> list[str]:
    """What differs between two records, a line each."""
    lines = []
    for name in PARTS:
        files = [folder / f"{name}.json" for folder in (one, other)]
        if not all(file.exists() for file in files):
            lines.append(f"{name}: not in both records")
        else:
            lines += differences(name, *(_plain(json.loads(file.read_text())) for file in files))
    return lines


def differences(where: str, a, b) -> Iterator[str]:
    """Each difference of two JSON values. TOLERANCE is absolute up to 1 and relative beyond; a list counts as one."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in dict.fromkeys([*a, *b]):
            if key not in a or key not in b:
                yield f"{where}/{key}: only in the {'first' if key in a else 'second'}"
            else:
                yield from differences(f"{where}/{key}", a[key], b[key])
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        pairs = [(x, y) for x, y in zip(a, b, strict=True) if _number(x) and _number(y)]
        scale = max([1, *(abs(x) for x, _ in pairs)])  # of a box: its largest coordinate
        numbers = [abs(x - y) / scale for x, y in pairs]
        if numbers and max(numbers) > TOLERANCE:
            many = sum(n > TOLERANCE for n in numbers)
            yield f"{where}: {many} of {len(a)} numbers differ, by up to {max(numbers):.2g}"
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            if not (_number(x) and _number(y)):
                yield from differences(f"{where}/{i}", x, y)
    elif _number(a) and _number(b):
        if abs(a - b) > TOLERANCE * max(1, abs(a)):
            yield f"{where}: {a} and {b}"
    elif isinstance(a, str) and isinstance(b, str):
        lines = list(difflib.unified_diff(a.splitlines(), b.splitlines(), n=0, lineterm=""))[2:]
        yield from (f"{where}: {line[:300]}" for line in lines if not line.startswith("@@"))
    elif a != b:
        yield f"{where}: {str(a)[:100]} and {str(b)[:100]}"


def _number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value):
    """A record's value without what may differ: pictures are their kind, packed maps are numbers, JSON is parsed."""
    if isinstance(value, dict):
        if set(value) == {"shape", "data"}:
            planes = zlib.decompress(base64.b64decode(value["data"]))
            half = len(planes) // 2
            numbers = [(high << 8 | low) / 65535 for high, low in zip(planes[:half], planes[half:], strict=True)]
            return {"shape": value["shape"], "data": [round(n, 4) for n in numbers]}
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, str):
        value = re.sub(r"seed=\d+", "seed=#", value)
        if value.startswith("data:"):
            return value.split(",")[0]
        with contextlib.suppress(ValueError):
            if value[:1] in "{[":
                return [_plain(json.loads(line)) for line in value.splitlines()]
        rows = list(csv.reader(value.splitlines()))
        if len(rows) > 1 and len({len(row) for row in rows}) == 1 and len(rows[0]) > 5:
            return [{k: _cell(v) for k, v in zip(rows[0], row, strict=True)} for row in rows[1:]]
    return value


def _cell(text: str | None):
    with contextlib.suppress(ValueError, TypeError):
        return float(text)  # type: ignore[arg-type]
    return text


def _write(path: Path, value) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def main() -> int:
    """Make or compare records; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    actions = parser.add_subparsers(dest="action", required=True)
    making = actions.add_parser("make", help="write the record of the working directory")
    making.add_argument("out", type=Path)
    making.add_argument("--like", type=Path, metavar="RECORD", help="take the cases of this record")
    making.add_argument("--data", type=Path, metavar="DIR", help="a HAM10000 folder: ten test cases as well")
    making.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="tabs needs Chromium (default: all)")
    comparing = actions.add_parser("compare", help="list what differs between two records")
    comparing.add_argument("records", type=Path, nargs=2)
    args = parser.parse_args()
    if args.action == "make":
        make(args.out, args.like, args.data, args.only)
        return 0
    lines = compare(*args.records)
    print("\n".join(lines) or "The records agree.")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
