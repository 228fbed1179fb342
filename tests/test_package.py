"""The package as others get it: one version, declared dependencies, arrows between rooms that point one way."""

import ast
import itertools
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from mat_core import __version__
from mat_core.ham10000 import ATTRIBUTION

CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
# what a room may import of the others
MAY = {
    "mat_core": set(),
    "training": {"mat_core"},
    "interface": {"mat_core"},
    "tools": {"mat_core"},
    "benchmarks": {"mat_core", "training"},
}
EXTRAS = CONFIG["project"]["optional-dependencies"]
OPTIONAL = {"detectron2", "mcp", "pip_audit"}  # imported where they are there, with a sentence where they are not


def imports(file: Path) -> set[str]:
    """The first names of all modules that a file imports, relative ones left out."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    return found


def declared(lines) -> set[str]:
    names = (re.match(r"[\w.-]+", line.strip()) for line in lines if line.strip() and not line.startswith(("#", "-")))
    return {re.sub(r"[-_.]+", "-", name[0]).lower() for name in names}


def requirements(file: str) -> set[str]:
    return declared((ROOT / file).read_text(encoding="utf-8").splitlines())


def test_one_version_everywhere():
    said = subprocess.run([sys.executable, "app.py", "--version"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == __version__
    core = [sys.executable, "-m", "mat_core", "--version"]
    said = subprocess.run(core, cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == __version__
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert CONFIG["tool"]["setuptools"]["dynamic"]["version"]["attr"] == "mat_core.__version__"
    sections = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert sections[0] == __version__, "the newest section of CHANGELOG.md is the version's own"
    numbers = [tuple(map(int, section.split("."))) for section in sections]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == len(numbers)


def test_the_citation_is_that_of_the_readmes_paper():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "version", "license", "type"} <= cited.keys()
    assert all({"name"} <= who.keys() or {"family-names", "given-names"} <= who.keys() for who in cited["authors"])
    paper = cited["preferred-citation"]
    assert [who["family-names"] for who in paper["authors"]] == ["Zhou", "Luo"]
    assert f"{paper['authors'][0]['family-names']} & Luo {paper['year']}" in (ROOT / "README.md").read_text("utf-8")
    (data,) = cited["references"]
    assert data["doi"] in ATTRIBUTION


@pytest.mark.parametrize("room", MAY)
def test_rooms_import_downwards_only(room):
    for file in (ROOT / room).rglob("*.py"):
        upwards = imports(file) & ({"app", "tests", *MAY} - {room} - MAY[room])
        assert not upwards, f"{file} imports {upwards}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rooms", "known"),
    [
        (["mat_core"], declared([*CONFIG["project"]["dependencies"], *itertools.chain(*EXTRAS.values())])),
        (
            ["training", "tests", "tools", "benchmarks"],
            requirements("requirements.txt") | requirements("requirements-dev.txt"),
        ),
    ],
)
def test_what_is_imported_is_declared(rooms, known):
    distributions = packages_distributions()
    ours = {"app", "tests", *MAY, *(file.stem for file in (ROOT / "tests").rglob("*.py"))}
    for room in rooms:
        for file in (ROOT / room).rglob("*.py"):
            for name in imports(file) - set(sys.stdlib_module_names) - ours - OPTIONAL:
                providers = {re.sub(r"[-_.]+", "-", d).lower() for d in distributions.get(name, [name])}
                assert providers & known, f"{file} imports {name}, of {providers}, which is not declared"


def test_both_lists_of_dependencies_agree():
    assert declared(CONFIG["project"]["dependencies"]) <= requirements("requirements.txt")
    assert declared(itertools.chain(*EXTRAS.values())) <= requirements("requirements-dev.txt")


@pytest.mark.slow
def test_the_core_loads_without_what_only_some_of_it_needs():
    blocked = {"sklearn", "scipy", "pyarrow", "pandas", "gradio", "training", "interface"}
    code = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {blocked}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
import mat_core, mat_core.__main__, mat_core.batch, mat_core.bundle
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_types_are_shipped():
    shipped = CONFIG["tool"]["setuptools"]["package-data"]["mat_core"]
    assert [name for name in shipped if not (ROOT / "mat_core" / name).is_file()] == []
    assert "py.typed" in shipped  # without it other people's mypy takes no notice of our types


# a room of interface/ -> the rooms that it may not reach into; a view is nobody's but the app's
BELOW = {
    "server": ("views", "parts", "programs"),
    "parts": ("views", "programs"),
    "views": ("views", "programs"),
    "programs": ("views",),
}


@pytest.mark.parametrize("room", BELOW)
def test_the_interfaces_rooms_reach_downwards_only(room):
    files = list((ROOT / "interface" / room).rglob("*.py"))
    assert len(files) > 3
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                names = [node.module or "", *(alias.name for alias in node.names)] if node.level == 2 else []
                reached = {name.split(".")[0] for name in names} | ({room} if node.level == 1 else set())
                wrong = reached & set(BELOW[room])
                assert not wrong, f"{file}, line {node.lineno}, reaches into {wrong}"


def test_no_file_of_code_is_longer_than_300_lines_without_a_reason():
    files = [ROOT / "app.py", *(f for room in MAY for f in (ROOT / room).rglob("*.py"))]
    files += list((ROOT / "assets").rglob("*.js"))
    assert len(files) > 100
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert text.count("\n") <= 300 or "More than 300 lines:" in text[:1000], file
