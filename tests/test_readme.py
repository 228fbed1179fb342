"""What README.md types under 'From the command line and from Python' is typed here, and does what it says."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

from mat_core.labels import CODES

SECTION = "From the command line and from Python"


def blocks(language: str) -> list[str]:
    """The section's blocks in a language, in their order."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {SECTION}\n(.*?)^## ", text, re.S | re.M)[1]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.S | re.M)


@pytest.fixture
def desk(tmp_path, phantom_file):
    """A folder with the lesion.jpg that the README asks about, and how a process in it finds the project."""
    shutil.copyfile(phantom_file, tmp_path / "lesion.jpg")
    return tmp_path, {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}


@pytest.mark.slow
def test_the_python_of_the_readme_runs_from_top_to_bottom(desk):
    folder, env = desk
    code = "\n".join(blocks("python"))
    assert "Diagnoser.from_pretrained()" in code
    assert "what_if(*case).flip()" in code
    code += "\nimport json\nprint(json.dumps(diagnosis.probabilities))\n"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert tuple(found) == CODES
    assert sum(found.values()) == pytest.approx(1)


@pytest.mark.slow
def test_the_commands_of_the_readme_for_one_image_run(desk):
    folder, env = desk
    (script,) = (block for block in blocks("sh") if "lesion.jpg" in block)
    script = re.sub(r"^python ", f"{shlex.quote(sys.executable)} ", script, flags=re.M)
    done = subprocess.run(["sh", "-ec", script], cwd=folder, env=env, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    assert "not a medical device" in done.stdout
    assert "attention" in json.loads((folder / "answer.json").read_text())


def test_the_lists_of_the_readme_are_those_of_their_document():
    """tests/mat_core/test_batch.py runs the document's."""
    (short,) = (block for block in blocks("sh") if "--out" in block)
    text = (ROOT / "docs" / "LISTS.md").read_text(encoding="utf-8")
    assert [line for line in short.splitlines() if line not in re.sub(r" +#.*", "", text)] == []
