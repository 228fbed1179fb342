"""The page's JavaScript: its calls from Python, and node's tests, types and lint where they are available."""

import re
import shutil

import pytest
from conftest import ROOT
from nodejs import node, ran

from interface.frontend.scripts import handler, on_load
from interface.server.static_files import PREFIX

TESTS = sorted((ROOT / "tests" / "js").glob("*.test.mjs"))


def test_modules_pass_the_tests_of_node():
    result = ran(node(), "--test", *map(str, TESTS))
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
    assert int(re.search(r"\bpass (\d+)", result.stdout)[1]) >= 80  # they ran indeed


@pytest.mark.parametrize("command", [("eslint", "--max-warnings", "0", "."), ("tsc", "-p", "jsconfig.json")])
def test_lint_and_types_have_no_complaint(command):
    node()
    npx = shutil.which("npx")
    if npx is None or ran(npx, "--no-install", command[0], "--version").returncode:
        pytest.skip(f"{command[0]} is not installed: npm install --no-package-lock")
    result = ran(npx, "--no-install", *command)
    assert result.returncode == 0, result.stdout + result.stderr


def test_modules_import_what_is_there():
    for file in sorted((ROOT / "assets").rglob("*.js")):
        for name in re.findall(r"from '([^']+)'", file.read_text(encoding="utf-8")):
            assert (file.parent / name).is_file(), f"{file}: {name}"


def run_in_node(body: str, root: str) -> str:
    """What `body`, run as Gradio runs a handler, imports from an app served at `root`."""
    script = (
        f"globalThis.gradio_config = {{root: '{root}'}}; globalThis.location = 'https://host/any';"
        "const body = require('fs').readFileSync(0, 'utf-8').replace('import(', 'record(');"
        "const f = (...given) => console.log(...given);"
        "globalThis.record = (url) => { console.log(url); return Promise.resolve({f}); };"
        "new Function('element', `return ${body}`)('an element')?.(3, 4);"
    )
    result = ran(node(), "-e", script, input=body)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.parametrize(
    ("root", "path"), [("https://host", ""), ("", ""), ("http://host/mat", "/mat"), ("/mat/", "/mat")]
)
def test_modules_are_imported_below_the_path_of_the_app(root, path):
    address = f"{path}{PREFIX}/page/current_case.js"
    assert run_in_node(handler("page/current_case.js", "f", ["a"], 1), root) == [address, "[ 'a' ] 1 3 4"]


def test_a_component_is_mounted_with_what_gradio_gives_it():
    body = on_load("explorer/explorer.js", "f(element, 5)").rstrip(";")
    assert run_in_node(f"() => {body}", "")[1] == "an element 5"


def test_a_module_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="nothing"):
        on_load("explorer/nothing.js", "f()")
