"""make app, make test: which wheels of torch to install. Prints a requirements file to install first, or nothing.

On Linux the wheels of the package index carry CUDA (5 GB). Those of pre-requirements.txt are for the CPU (0.2 GB), and
lie on an index of their own, which not every network reaches: then pip would retry for minutes, so it is asked first.
What was decided is said on standard error. TORCH=cuda in the environment takes the package index's without asking.
"""

import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "pre-requirements.txt"
PATIENCE = 2  # seconds


def decide(platform: str, wanted: str, file: Path = FILE) -> tuple[Path | None, str]:
    """The file to install first, None for none, and a sentence that says why.

    platform: as sys.platform; wanted: 'cuda', or anything else for the smaller ones where they are to be had.
    """
    if platform != "linux":
        return None, "torch: the package index's wheels, which are for the CPU here."
    if wanted == "cuda":
        return None, "torch: the package index's wheels with CUDA (5 GB), as TORCH=cuda asks."
    index = re.search(r"^--extra-index-url (\S+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    if index and _answers(f"{index[1]}/torch/"):
        return file, "torch: the wheels for the CPU (0.2 GB). For a GPU: make clean, then TORCH=cuda make app."
    return None, "torch: the index with the wheels for the CPU does not answer; the package index's it is (up to 5 GB)."


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=PATIENCE) as answer:
            return answer.status == 200
    except (OSError, ValueError, urllib.error.URLError):
        return False


if __name__ == "__main__":
    first, sentence = decide(sys.platform, os.environ.get("TORCH", ""))
    print(sentence, file=sys.stderr)
    print(first or "")
