"""Run app.py as a process until it listens, for screenshots, benchmarks and the check of the Space."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mat_core.errors import UserError

ROOT = Path(__file__).resolve().parents[1]


class AppProcessError(UserError):
    """app.py ended before it listened."""


@contextmanager
def app_process(
    *arguments: str, folder: Path = ROOT, python: str = sys.executable, env: Mapping[str, str] | None = None, **options
) -> Iterator[tuple[str, subprocess.Popen]]:
    """Yield the address and the process of `python app.py ARGUMENTS` in `folder`, and stop it on exit.

    options: passed to subprocess.Popen. Raises AppProcessError with the app's output where it does not start.
    """
    process = subprocess.Popen(
        [python, "app.py", *arguments], cwd=folder, env=env, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, **options,
    )  # fmt: skip
    output = []
    try:
        for line in process.stdout:
            output.append(line)
            if address := re.match(r"Open (http://\S+)", line):
                yield address[1], process
                return
        raise AppProcessError(f"The app did not start: {''.join(output).strip() or 'it printed nothing'}")
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def resident_memory(pid: int) -> float | None:
    """Resident memory of a process in MB; None where there is no /proc."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024
