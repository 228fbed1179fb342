"""Start-up in separate processes: imports, loading the bundle, `--help`, the app until it listens, its memory."""

import json
import subprocess
import sys
import time
import urllib.request

from tools.app_process import ROOT, app_process, resident_memory

from .inputs import Inputs
from .timing import Row

RUNS = 3
# prints how many seconds its parts took
_SCRIPT = """
import json, sys, time
times = [time.perf_counter()]
from mat_core import Diagnoser
times.append(time.perf_counter())
diagnoser = Diagnoser.from_pretrained(sys.argv[1] if sys.argv[1:] else None)
times.append(time.perf_counter())
from teaching.phantoms import make_phantom
image = make_phantom(3, "mel", (450, 600)).image
begun = time.perf_counter()
diagnoser(image)
print(json.dumps([times[1] - times[0], times[2] - times[1], time.perf_counter() - begun]))
"""


def core(inputs: Inputs) -> list[Row]:
    """import mat_core, Diagnoser.from_pretrained, and the first diagnosis of a process, which builds the kernels."""
    checkpoint = [str(inputs.checkpoint)] if inputs.checkpoint else []
    runs = [json.loads(_run("-c", _SCRIPT, *checkpoint)) for _ in range(RUNS)]
    names = "import mat_core", "read the bundle", "first diagnosis of a process"
    return [Row(name, tuple(1000 * run[i] for run in runs)) for i, name in enumerate(names)]


def helps(inputs: Inputs) -> list[Row]:
    """--help of each command line."""
    return [
        Row(f"python {' '.join(command)} --help", tuple(_elapsed(_run, *command, "--help") for _ in range(RUNS)))
        for command in (["app.py"], ["-m", "mat_core"], ["-m", "training"])
    ]


def app(inputs: Inputs) -> list[Row]:
    """`python app.py` until it listens, the HTML of its page, and its memory with one case."""
    listening, page, memory = [], [], []
    for _ in range(RUNS):
        begun = time.perf_counter()
        with running_app(inputs) as (url, process):
            listening.append(1000 * (time.perf_counter() - begun))
            page.append(_elapsed(lambda url=url: urllib.request.urlopen(url, timeout=60).read()))
            memory.append(resident_memory(process.pid))
    rows = [Row("app.py to listening", tuple(listening)), Row("first page, its HTML", tuple(page))]
    return rows + ([Row("app's memory with a case", tuple(memory), "MB")] if all(memory) else [])


def running_app(inputs: Inputs):
    """The app with the checkpoint of the benchmarks: see app_process."""
    return app_process(*(["--checkpoint", str(inputs.checkpoint)] if inputs.checkpoint else []))


def _run(*command: str) -> str:
    return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def _elapsed(function, *arguments) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    function(*arguments)
    return 1000 * (time.perf_counter() - begun)
