"""The folder of the Space: what it contains, what is refused, and that it starts."""

import importlib.metadata
import shutil
import tempfile
from pathlib import Path

import pytest
from conftest import ROOT
from huggingface_hub import HfApi

from tools import build_space
from tools.app_process import AppProcessError, app_process
from tools.build_space import SpaceError, build, check, start, upload


@pytest.fixture(scope="module")
def space_folder():
    with tempfile.TemporaryDirectory(prefix="test-space-") as name:
        try:
            build(ROOT, Path(name) / "space")
        except SpaceError as error:
            pytest.skip(f"the project is not in a git work tree: {error}")
        yield Path(name) / "space"


@pytest.fixture
def small(space_folder, tmp_path) -> Path:
    """The folder without packages and weights."""
    return shutil.copytree(space_folder, tmp_path / "space", ignore=shutil.ignore_patterns("*.py", "*.safetensors"))


def test_the_folder_contains_the_app_and_nothing_else(space_folder):
    check(space_folder)
    assert {path.name for path in space_folder.iterdir()} == set(build_space.PATHS)
    assert (space_folder / "checkpoints" / "LICENSE.md").is_file()


def test_an_earlier_build_is_replaced_and_another_folder_is_not(space_folder, tmp_path):
    shutil.copytree(space_folder, tmp_path / "space")
    (tmp_path / "space" / "assets" / "old.js").write_text("")
    build(ROOT, tmp_path / "space")
    assert not (tmp_path / "space" / "assets" / "old.js").exists()
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.doc").write_text("years of work")
    with pytest.raises(SpaceError, match="not an earlier build"):
        build(ROOT, tmp_path / "thesis")
    assert (tmp_path / "thesis" / "thesis.doc").exists()


@pytest.mark.parametrize(
    "name",
    ["assets/ISIC_0024306.jpg", "assets/deep/holiday.PNG", "checkpoints/model.pkl", "checkpoints/last.pt", ".env",
     "interface/.env.txt", "assets/server.pem", "assets/table.xlsx"],
)  # fmt: skip
def test_images_pickles_and_hidden_files_are_refused(small, name):
    check(small)
    (small / name).parent.mkdir(parents=True, exist_ok=True)
    (small / name).write_text("x")
    with pytest.raises(SpaceError, match="Not allowed") as caught:
        check(small)
    assert name in str(caught.value)


def test_secrets_links_and_large_folders_are_refused(small, monkeypatch):
    note = small / "assets" / "note.md"
    for secret in ("hf_" + "a1" * 17, "-----BEGIN RSA " + "PRIVATE KEY-----"):
        note.write_text(f"remember {secret}")
        with pytest.raises(SpaceError, match=r"note\.md contains a token or a private key"):
            check(small)
    note.unlink()
    note.symlink_to("/etc/hostname")
    with pytest.raises(SpaceError, match="is a link"):
        check(small)
    note.unlink()
    monkeypatch.setattr(build_space, "MAX_BYTES", 1000)
    with pytest.raises(SpaceError, match="MB are allowed"):
        check(small)


@pytest.mark.parametrize(
    ("file", "old", "new", "error"),
    [
        ("README.md", importlib.metadata.version("gradio"), "6.0.0", "sdk_version"),
        ("README.md", "sdk: gradio", "sdk: docker", "sdk"),
        ("README.md", "short_description: ", "short_description: " + "long " * 13, "60 characters"),
        ("README.md", "license: cc-by-nc-4.0", "license: mit", "license"),
        ("pre-requirements.txt", "torch==2.", "torch==1.", "versions of torch"),
    ],
)
def test_a_wrong_header_or_version_is_refused(small, file, old, new, error):
    text = (small / file).read_text(encoding="utf-8")
    assert old in text
    (small / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SpaceError, match=error):
        check(small)


def test_the_folder_is_uploaded_as_it_is(space_folder, monkeypatch):
    calls = {}
    monkeypatch.setattr(HfApi, "create_repo", lambda self, *_, **options: calls.update(create=options))
    monkeypatch.setattr(HfApi, "upload_folder", lambda self, **options: calls.update(upload=options))
    upload(space_folder, "owner/name")
    assert calls["create"] == {"repo_type": "space", "space_sdk": "gradio", "exist_ok": True}
    assert (calls["upload"]["repo_id"], calls["upload"]["folder_path"]) == ("owner/name", space_folder)
    assert (calls["upload"]["repo_type"], calls["upload"]["delete_patterns"]) == ("space", "*")


def test_errors_of_the_build_and_of_the_app(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(build_space, "ROOT", tmp_path)
    assert build_space.main(["--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err
    (tmp_path / "app.py").write_text("import sys; print('error: no bundle'); sys.exit(2)")
    with pytest.raises(AppProcessError, match="error: no bundle"), app_process(folder=tmp_path):
        pass


@pytest.mark.slow
def test_the_folder_starts_and_diagnoses(space_folder):
    result = start(space_folder)
    assert sum(result["probabilities"].values()) == pytest.approx(1)
    assert result["memory"] is None or result["memory"] <= 1536
