"""python tests/notebook.py FILE: run a notebook's cells without Jupyter, with every way out of the machine closed.

Prints one line of JSON a code cell: the kinds in which a notebook would show its last value, and what it printed.
"""

import ast
import contextlib
import io
import json
import sys
from pathlib import Path

KINDS = {"html": "_repr_html_", "png": "_repr_png_"}


def closed(event, args):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise OSError(f"the notebook asked the network: {event} {args[1:]}")


def run(path: Path):
    """Of each code cell, (kinds, said)."""
    names = {"__name__": "__main__"}
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]), f"cell {number}")
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        kinds, said = [], io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(tree, f"cell {number}", "exec"), names)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
                kinds = [kind for kind, way in KINDS.items() if hasattr(value, way) and getattr(value, way)()]
        yield kinds, said.getvalue()


if __name__ == "__main__":
    sys.addaudithook(closed)
    sys.path.pop(0)  # the folder of this file is no part of the notebook's world
    for kinds, said in run(Path(sys.argv[1])):
        print(json.dumps([kinds, said]), flush=True)
