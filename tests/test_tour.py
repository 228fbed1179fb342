"""docs/tour.ipynb runs from top to bottom, without network, and is committed without outputs."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT

TOUR = ROOT / "docs" / "tour.ipynb"
JUPYTER = all(importlib.util.find_spec(name) for name in ("nbclient", "nbformat", "ipykernel"))


def cells(kind: str) -> list[dict]:
    return [cell for cell in json.loads(TOUR.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == kind]


def test_it_has_ten_cells_and_no_output():
    book = json.loads(TOUR.read_text(encoding="utf-8"))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
    assert len(cells("code")) == 10
    for cell in cells("code"):
        assert (cell["outputs"], cell["execution_count"]) == ([], None)
    text = "".join(line for cell in cells("markdown") for line in cell["source"])
    assert "not a medical device" in text
    assert "image/" not in TOUR.read_text(encoding="utf-8")  # no picture is in it


@pytest.mark.slow
def test_it_runs_from_top_to_bottom_without_network():
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"MPLBACKEND": "agg"}
    command = [sys.executable, str(ROOT / "tests" / "notebook.py"), str(TOUR)]
    done = subprocess.run(command, cwd=TOUR.parent, env=env, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    shown = [[], ["png"], ["html"], ["png"], ["png"], ["html"], ["png"], ["png"], ["html"], ["png"]]
    assert [kinds for kinds, _ in found] == shown
    assert "MAT SGA-SGA@" in found[0][1]


@pytest.mark.slow
@pytest.mark.skipif(not JUPYTER, reason="needs nbclient, nbformat and ipykernel: pip install -r requirements-dev.txt")
def test_jupyter_itself_shows_what_the_cells_make():
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.read(TOUR, as_version=4)
    nbformat.validate(book)
    here = {"metadata": {"path": str(TOUR.parent)}}
    NotebookClient(book, timeout=400, kernel_name="python3", resources=here).execute()
    outputs = [cell.outputs for cell in book.cells if cell.cell_type == "code"]
    kinds = [{kind for output in these for kind in output.get("data", {})} for these in outputs]
    assert all("image/png" in kinds[i] for i in (1, 3, 4, 6, 7, 9)), kinds
    assert all("text/html" in kinds[i] for i in (2, 5, 8)), kinds
