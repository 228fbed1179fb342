"""The package: one version, declared dependencies, short files."""

import ast
import itertools
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from conftest import ROOT

import app
from mat_core import __main__ as core
from mat_core import __version__

CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CODE = ("mat_core", "interface", "training", "teaching", "tools", "benchmarks")
EXTRAS = CONFIG["project"]["optional-dependencies"]
OPTIONAL = {"detectron2", "mcp", "scipy"}  # imported where installed


def imports(file: Path) -> set[str]:
    """Top-level names of the modules that a file imports, without relative imports."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.split(".")[0])
    return names


def declared(lines) -> set[str]:
    names = (re.match(r"[\w.-]+", line.strip()) for line in lines if line.strip() and not line.startswith(("#", "-")))
    return {re.sub(r"[-_.]+", "-", name[0]).lower() for name in names}


def requirements(file: str) -> set[str]:
    return declared((ROOT / file).read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("parser", [app._parser, core._parser])
def test_one_version_everywhere(parser, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(["--version"])
    assert capsys.readouterr().out.strip() == __version__
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert CONFIG["tool"]["setuptools"]["dynamic"]["version"]["attr"] == "mat_core.__version__"
    sections = re.findall(r"^## ([\d.]+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert sections[0] == __version__
    numbers = [tuple(map(int, section.split("."))) for section in sections]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == len(numbers)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("packages", "known"),
    [
        (["mat_core"], declared([*CONFIG["project"]["dependencies"], *itertools.chain(*EXTRAS.values())])),
        (["interface", "teaching"], requirements("requirements.txt")),
        (
            ["training", "tests", "tools", "benchmarks"],
            requirements("requirements.txt") | requirements("requirements-dev.txt"),
        ),
    ],
)
def test_imported_packages_are_declared(packages, known):
    distributions = packages_distributions()
    ours = {"app", "tests", *CODE, *(file.stem for file in (ROOT / "tests").rglob("*.py"))}
    for package in packages:
        for file in (ROOT / package).rglob("*.py"):
            for name in imports(file) - set(sys.stdlib_module_names) - ours - OPTIONAL:
                providers = {re.sub(r"[-_.]+", "-", d).lower() for d in distributions.get(name, [name])}
                assert providers & known, f"{file} imports {name}, of {providers}, which is not declared"


def test_imports_keep_to_the_layers():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_both_lists_of_dependencies_agree():
    assert declared(CONFIG["project"]["dependencies"]) <= requirements("requirements.txt")
    known = requirements("requirements.txt") | requirements("requirements-dev.txt")
    assert declared(itertools.chain(*EXTRAS.values())) <= known


@pytest.mark.slow
def test_the_core_loads_without_what_only_some_of_it_needs():
    blocked = {"sklearn", "scipy", "pyarrow", "gradio", "training", "interface"}
    code = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {blocked}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
import mat_core, mat_core.__main__, mat_core.batch, mat_core.inference.bundle
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_types_are_shipped():
    shipped = CONFIG["tool"]["setuptools"]["package-data"]["mat_core"]
    assert [name for name in shipped if not (ROOT / "mat_core" / name).is_file()] == []
    assert "py.typed" in shipped  # without it other people's mypy takes no notice of our types


def test_code_files_have_at_most_300_lines():
    files = [ROOT / "app.py", *(file for package in CODE for file in (ROOT / package).rglob("*.py"))]
    files += (ROOT / "assets").rglob("*.js")
    assert len(files) > 100
    assert [str(file) for file in files if file.read_text(encoding="utf-8").count("\n") > 300] == []
