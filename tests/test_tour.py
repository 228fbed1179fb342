"""docs/tour.ipynb runs in Jupyter from top to bottom, without network, and is committed without outputs."""

import nbformat
import pytest
from conftest import ROOT
from nbclient import NotebookClient

TOUR = ROOT / "docs" / "tour.ipynb"
# the kernel itself talks to 127.0.0.1
NO_NETWORK = """
import sys

def refuse(event, args):
    host = args[1][0] if event == "socket.connect" else args[0] if event == "socket.getaddrinfo" else None
    if event in ("socket.connect", "socket.getaddrinfo") and host not in (None, "", "localhost", "127.0.0.1"):
        raise OSError(f"the notebook used the network: {event} {args[1:]}")

sys.addaudithook(refuse)
"""


def test_it_has_ten_code_cells_without_output():
    book = nbformat.read(TOUR, as_version=4)
    nbformat.validate(book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert len(code) == 10
    assert [cell for cell in code if cell.outputs or cell.execution_count] == []
    assert any("not a medical device" in cell.source for cell in book.cells if cell.cell_type == "markdown")
    assert "image/" not in TOUR.read_text(encoding="utf-8")


@pytest.mark.slow
def test_it_runs_without_network_and_shows_its_results(tiny_bundle):
    """With a small bundle: what the shipped one answers is tested elsewhere."""
    small = f"""
sys.path.insert(0, {str(ROOT)!r})
import mat_core
mat_core.Diagnoser.from_pretrained.__func__.__defaults__ = ({str(tiny_bundle)!r}, None)
sys.path.pop(0)  # the notebook finds the project by itself
"""
    book = nbformat.read(TOUR, as_version=4)
    book.cells.insert(0, nbformat.v4.new_code_cell(f"{NO_NETWORK}\n{small}"))
    NotebookClient(
        book, timeout=400, kernel_name="python3", resources={"metadata": {"path": str(TOUR.parent)}}
    ).execute()
    cells = [cell.outputs for cell in book.cells if cell.cell_type == "code"][1:]
    png, html = {"image/png"}, {"text/html"}
    kinds = [{kind for output in outputs for kind in output.get("data", {})} & (png | html) for outputs in cells]
    assert kinds == [set(), png, html, png, png, html, png, png, html, png]
    assert "tiny random bundle" in "".join(output.get("text", "") for output in cells[0])
