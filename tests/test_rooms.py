"""The house in order: docs/ARCHITECTURE.md lists every file of code in its room, and no test module imports another."""

import ast
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

ROOMS = ("app.py", "mat_core/", "interface/", "assets/", "training/", "tools/", "benchmarks/", "tests/")
CODE = {".py", ".js", ".mjs", ".css", ".html"}


def listed() -> list[tuple[str, str, str]]:
    """Of every file in docs/ARCHITECTURE.md the room that it is listed in, its path and what is said of it."""
    found, room = [], ""
    for line in (ROOT / "docs/ARCHITECTURE.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = re.fullmatch(r"#### `(\S+)`", line)
            room = heading[1] if heading else ""
        elif room and line.startswith("- "):
            path, said = re.fullmatch(r"- `(\S+?)`: (\S.*)", line).groups()
            found.append((room, path, said))
    return found


def tracked() -> set[str]:
    """Files of code that git tracks. Skips where there is no git work tree."""
    try:
        told = subprocess.run(["git", "ls-files", "-z", *ROOMS], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"the project is not in a git work tree here: {error}")
    return {path for path in told.stdout.split("\0") if Path(path).suffix in CODE}


def test_every_file_of_code_is_listed():
    missing = tracked() - {path for _, path, _ in listed()}
    assert not missing, f"docs/ARCHITECTURE.md says nothing of {sorted(missing)}: a line each, in its room"


def test_what_is_listed_exists_once_and_in_its_room():
    files = listed()
    gone = [path for _, path, _ in files if not (ROOT / path).is_file()]
    assert not gone, f"docs/ARCHITECTURE.md lists {gone}, which do not exist"
    paths = [path for _, path, _ in files]
    assert len(paths) == len(set(paths))
    assert tuple(dict.fromkeys(room for room, _, _ in files)) == ROOMS
    assert [path for room, path, _ in files if not path.startswith(room)] == []


@pytest.mark.parametrize("file", sorted((ROOT / "tests").rglob("*.py")), ids=lambda file: file.name)
def test_no_test_module_is_imported(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(alias.name for alias in node.names if node.level or node.module == "tests")]
        for name in names:
            module = name.removeprefix("tests.")
            assert not module.startswith("test_"), f"line {node.lineno}: what tests share is in conftest.py or a helper"


def test_before_a_commit_the_same_is_checked_as_before_the_tests():
    recipe = re.search(r"^test:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1]
    commands = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe.splitlines()]
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repo["repo"] == "local"  # so nothing is fetched
    entries = [hook["entry"] for hook in repo["hooks"] if "pytest" not in hook["entry"]]
    assert entries == [c for c in commands if "pytest" not in c]
