"""Node, where it is to be had: only checks of the page's JavaScript need it."""

import functools
import re
import shutil
import subprocess

import pytest
from conftest import ROOT

NODE = 18  # the oldest that has a test runner


def ran(*command: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, **options)


@functools.cache
def node() -> str:
    """The path of node. Skips where there is none, or an old one."""
    path = shutil.which("node")
    if path is None:
        pytest.skip("node is not installed: only these checks need it")
    version = ran(path, "--version").stdout.strip()
    if int(re.match(r"v(\d+)", version)[1]) < NODE:
        pytest.skip(f"node {version} is older than {NODE}, which has a test runner")
    return path
