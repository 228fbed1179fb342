"""Start-up, each time in a process of its own: imports, reading the bundle, the app's way to listening, its memory."""

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .case import Case
from .timing import Row

ROOT = Path(__file__).resolve().parents[1]
RUNS = 3
# what a process says of itself: seconds that its own statements took, and its memory
_SCRIPT = """
import json, sys, time
begun = time.perf_counter()
from mat_core import Diagnoser
imported = time.perf_counter()
diagnoser = Diagnoser.from_pretrained(sys.argv[1] if sys.argv[1:] else None)
loaded = time.perf_counter()
from mat_core.phantoms import make_phantom
image = make_phantom(3, "mel", (450, 600)).image
drawn = time.perf_counter()
diagnoser(image)
answered = time.perf_counter()
print(json.dumps([imported - begun, loaded - imported, answered - drawn]))
"""


def core(case: Case) -> list[Row]:
    """import mat_core, Diagnoser.from_pretrained, and the first diagnosis of a process, which builds the kernels."""
    checkpoint = [str(case.checkpoint)] if case.checkpoint else []
    found = []
    for _ in range(RUNS):
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT, *checkpoint], cwd=ROOT, capture_output=True, text=True, check=True
        )
        found.append(json.loads(done.stdout))
    names = "import mat_core", "read the bundle", "first diagnosis of a process"
    return [
        Row(name, tuple(1000 * v for v in values)) for name, values in zip(names, zip(*found, strict=True), strict=True)
    ]


def helps(case: Case) -> list[Row]:
    """--help of each command line."""
    found = []
    for command in (["app.py"], ["-m", "mat_core"], ["-m", "training"]):
        values = []
        for _ in range(RUNS):
            begun = time.perf_counter()
            subprocess.run([sys.executable, *command, "--help"], cwd=ROOT, capture_output=True, check=True)
            values.append(1000 * (time.perf_counter() - begun))
        found.append(Row(f"python {' '.join(command)} --help", tuple(values)))
    return found


def app(case: Case) -> list[Row]:
    """`python app.py` to listening, its first page to a client without a browser, and memory with one case answered."""
    listening, page, resident = [], [], []
    for _ in range(RUNS):
        begun = time.perf_counter()
        with running(case) as (url, process):
            listening.append(1000 * (time.perf_counter() - begun))
            begun = time.perf_counter()
            with urllib.request.urlopen(url, timeout=60) as answer:
                answer.read()
            page.append(1000 * (time.perf_counter() - begun))
            resident.append(_resident(process.pid))
    rows = [Row("app.py to listening", tuple(listening)), Row("first page, its HTML", tuple(page))]
    known = tuple(value for value in resident if value)
    return rows + ([Row("app's memory with a case", known, "MB")] if known else [])


@contextmanager
def running(case: Case) -> Iterator[tuple[str, subprocess.Popen]]:
    """The app as a process; its address and the process, which is ended afterwards."""
    options = ["--checkpoint", str(case.checkpoint)] if case.checkpoint else []
    process = subprocess.Popen(
        [sys.executable, "app.py", *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said = ""
    try:
        for line in process.stdout:
            said += line
            if address := re.search(r"(?<=^Open )http://\S+", line):
                yield address[0], process
                break
        else:
            raise RuntimeError(f"app.py did not start: {said}")
    finally:
        process.terminate()
        process.wait(60)


def _resident(pid: int) -> float:
    """MB of memory that a process has; 0 where the system does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
