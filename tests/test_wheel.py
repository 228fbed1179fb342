"""The wheel: installed outside the repository, `mat_core` diagnoses an image with a bundle's folder."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from mat_core import Metadata
from mat_core.data.ham10000 import SPLIT_FILE
from teaching.phantoms import write_phantom_dataset

pytestmark = pytest.mark.slow
# reads the split by its default, and says what to do where no bundle is named
CODE = """
import sys, mat_core
from pathlib import Path
from mat_core import BundleError, Diagnoser
from mat_core.data.ham10000 import read_dataset
site = Path(sys.argv[1])
assert Path(mat_core.__file__).is_relative_to(site), mat_core.__file__
print(read_dataset(sys.argv[2]).problems)
try:
    Diagnoser.from_pretrained()
except BundleError as error:
    assert "folder" in str(error) and "Hub" in str(error)
    assert str(site) in str(error)
else:
    sys.exit("there is no bundle in this installation")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder outside the repository with the wheel's files and nothing else of the project's."""
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "mat_core", source / "mat_core", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(site), str(source)], check=True)
    return site


def run(site: Path, *arguments: object) -> str:
    """What Python says with the installed package, the other packages being those of the tests."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-P", *map(str, arguments)], cwd=site, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_installed_package_diagnoses_as_the_repository_does(installed, tiny_bundle, tiny_diagnoser, phantom_file):
    given = ("-m", "mat_core", "diagnose", phantom_file, "--age", 55, "--checkpoint", tiny_bundle, "--json")
    answer = json.loads(run(installed, *given))
    assert answer["probabilities"] == pytest.approx(tiny_diagnoser(phantom_file, Metadata(55)).probabilities, abs=1e-6)


def test_the_installed_package_has_its_data_and_no_bundle(installed, tmp_path):
    write_phantom_dataset(tmp_path / "data", 4)
    assert f"are not in {SPLIT_FILE.name}" in run(installed, "-c", CODE, installed, tmp_path / "data")
