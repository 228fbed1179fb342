"""The audit says what it knows, and that it does not know."""

import json
import subprocess
from types import SimpleNamespace

import pytest

from tools import audit


@pytest.fixture
def pip_audit(monkeypatch):
    """pip_audit(stdout, stderr): what the tool is to say."""

    def say(stdout: str = "", stderr: str = ""):
        monkeypatch.setattr(subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=stdout, stderr=stderr))

    return say


def packages(*vulns) -> str:
    return json.dumps({"dependencies": [{"name": "thing", "version": "1.0", "vulns": [{"id": v} for v in vulns]}]})


@pytest.mark.parametrize(
    ("stdout", "stderr", "status", "says"),
    [
        (packages(), "", 0, "none in 1 packages"),
        (packages("CVE-1"), "", 1, "thing 1.0: CVE-1"),
        ("", "requests.exceptions.ConnectionError: no", 3, "cannot be reached"),
        ("", "No module named pip_audit", 3, "No module named pip_audit"),
        ("[]", "", 3, "unknown"),
    ],
)
def test_holes_are_told_and_so_is_what_is_unknown(pip_audit, stdout, stderr, status, says):
    pip_audit(stdout, stderr)
    assert audit.holes()[0] == status
    assert says in audit.holes()[1]


def test_the_apps_own_packages_bind_nobody(pip_audit, capsys):
    pip_audit(packages())
    assert audit.main([]) == 0
    said = capsys.readouterr().out
    assert "gradio" in said
    assert "starlette" in said  # required by a requirement
    assert "built on them: none." in said


def test_a_binding_licence_is_found(pip_audit, capsys, monkeypatch):
    pip_audit(packages())
    monkeypatch.setattr(audit, "licence", lambda name: "GPL-3.0-only" if name == "gradio" else "LGPL-2.1")
    assert audit.main([]) == 1
    assert "built on them: gradio." in capsys.readouterr().out


def test_what_is_not_installed_is_a_sentence(tmp_path, capsys):
    (tmp_path / "requirements.txt").write_text("# a comment\nno-such-package>=1\n")
    assert audit.main([str(tmp_path / "requirements.txt")]) == 2
    assert "no-such-package is not installed" in capsys.readouterr().err
