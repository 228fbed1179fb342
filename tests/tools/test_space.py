"""The folder that becomes a Space: what goes into it, what must not, and that it runs as a Space runs it."""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

import app
from interface.private_cache import CACHES, private_cache
from tools import space
from tools.space import SpaceError, build, check, check_files, pins, start, upload_command

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *args: str) -> None:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org", *args]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def work_tree(tmp_path_factory) -> Path:
    """A git work tree of the app's files as they are here, committed or not. Only read."""
    root = tmp_path_factory.mktemp("tree")
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *space.WANTED],
        capture_output=True, text=True,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("the project is not in a git work tree here")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, root / name)
    git(root, "init", "-q")
    git(root, "add", "-A")
    return root


@pytest.fixture(scope="module")
def built(work_tree):
    """The built folder, in a place that every user can read."""
    with tempfile.TemporaryDirectory(prefix="test-space-") as name:
        Path(name).chmod(0o755)
        build(work_tree, Path(name) / "space")
        yield Path(name) / "space"


@pytest.fixture
def small(tmp_path) -> Path:
    """A git work tree with one small file for each thing that the app needs."""
    root = tmp_path / "small"
    for name in space.WANTED:
        path = root / name if "." in name or name == "LICENSE" else root / name / "x.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    git(root, "init", "-q")
    git(root, "add", "-A")
    return root


# ---------------------------------------------------------------- what goes in


def test_the_folder_has_what_the_app_needs_and_passes_the_checks(built):
    header = check(built)
    assert header["sdk_version"] == importlib.metadata.version("gradio")
    assert {path.name for path in built.iterdir()} == set(space.WANTED)
    assert not (built / "tools").exists()
    assert (built / "checkpoints" / "LICENSE.md").is_file()
    for path in ("tests", "training", ".git", "runs"):
        assert not (built / path).exists()


def test_a_second_build_leaves_nothing_of_the_first(small, tmp_path):
    out = tmp_path / "out"
    build(small, out)
    (out / "mat_core" / "old.py").write_text("")
    build(small, out)
    assert not (out / "mat_core" / "old.py").exists()


def test_a_folder_with_something_else_is_not_overwritten(small, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.doc").write_text("years of work")
    with pytest.raises(SpaceError, match="something else"):
        build(small, tmp_path / "out")
    assert (tmp_path / "out" / "thesis.doc").exists()


def test_what_git_does_not_track_is_refused_by_name(small, tmp_path):
    (small / "assets" / "patient.py").write_text("")
    with pytest.raises(SpaceError, match=r"does not track assets/patient\.py"):
        build(small, tmp_path / "out")


def test_a_link_and_a_missing_part_are_refused(small, tmp_path):
    (small / "assets" / "link.py").symlink_to("/etc/hostname")
    git(small, "add", "-A")
    with pytest.raises(SpaceError, match="link"):
        build(small, tmp_path / "out")
    git(small, "rm", "-q", "-f", "-r", "assets")
    with pytest.raises(SpaceError, match="assets is missing"):
        build(small, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("assets/ISIC_0024306.jpg", "HAM10000 or ISIC"),
        ("assets/deep/isic_0024306_small.PNG", "HAM10000 or ISIC"),
        ("assets/holiday.jpeg", "photograph"),
        ("checkpoints/model.pkl", "run code"),
        ("checkpoints/last.pt", "run code"),
        (".env", "secret"),
        ("interface/.env.local", "secret"),
        ("assets/token.txt", "secret"),
        ("assets/server.pem", "secret"),
        ("assets/.DS_Store", "hidden"),
        ("notes.md", "not what the app needs"),
        ("assets/table.xlsx", "not what the app needs"),
    ],
)
def test_what_must_not_be_uploaded_is_refused_with_the_reason(small, tmp_path, name, says):
    build(small, tmp_path / "out")
    check_files(tmp_path / "out")
    (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "out" / name).write_text("x")
    with pytest.raises(SpaceError, match=says) as caught:
        check_files(tmp_path / "out")
    assert name in str(caught.value)


def test_secrets_inside_and_sizes_are_refused(small, tmp_path):
    build(small, out := tmp_path / "out")
    note = out / "assets" / "note.md"
    for secret in ("hf_" + "a1" * 17, "-----BEGIN RSA " + "PRIVATE KEY-----"):
        note.write_text(f"remember {secret}")
        with pytest.raises(SpaceError, match=r"note\.md has a token or a private key"):
            check_files(out)
    with note.open("wb") as file:
        file.truncate(space.MOST_TEXT + 1)
    with pytest.raises(SpaceError, match=r"note\.md has 2\.0 MB"):
        check_files(out)
    note.unlink()
    for number in range(3):
        with (out / "checkpoints" / f"{number}.safetensors").open("wb") as file:
            file.truncate(space.MOST_FILE)
    with pytest.raises(SpaceError, match=r"The folder has 180\.0 MB"):
        check_files(out)


# ---------------------------------------------------------------- header and versions


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sdk_version": "6.30.0"}, "sdk_version must be"),
        ({"sdk": "docker"}, "sdk must be gradio"),
        ({"emoji": "x"}, "emoji"),
        ({"title": None}, "title"),
        ({"colorFrom": "teal"}, "colorFrom"),
        ({"python_version": 3.11}, "python_version"),
        ({"app_file": "main.py"}, "app_file"),
        ({"license": "mit"}, "license"),
        ({"tags": "one"}, "tags"),
        ({"short_description": "long " * 13}, "60 characters and has 65"),
    ],
)
def test_a_wrong_header_is_told(built, tmp_path, change, says):
    header = space.front_matter((built / "README.md").read_text(encoding="utf-8"))
    requirements = pins((built / "requirements.txt").read_text())
    space.check_header(header, built, requirements)
    with pytest.raises(SpaceError, match=says):
        space.check_header(header | change, built, requirements)


@pytest.mark.parametrize("text", ["# No header\n", "---\ntitle: [\n---\n", "---\njust text\n---\n"])
def test_no_header_is_told(text):
    with pytest.raises(SpaceError, match="header"):
        space.front_matter(text)


def test_wheels_of_another_version_than_the_requirements_are_refused(built, tmp_path):
    copy = shutil.copytree(built, tmp_path / "copy")
    early = copy / "pre-requirements.txt"
    early.write_text(re.sub(r"torch==[\d.]+", "torch==2.13.0", early.read_text(), count=1))
    with pytest.raises(SpaceError, match=r"pins torch to 2\.13\.0"):
        check(copy)


def test_the_early_wheels_are_for_the_cpu_and_the_late_ones_name_no_index(built):
    early, late = ((built / name).read_text() for name in ("pre-requirements.txt", "requirements.txt"))
    assert {name: pin.split("+")[1] for name, pin in pins(early).items()} == {"torch": "cpu", "torchvision": "cpu"}
    assert "--extra-index-url https://download.pytorch.org/whl/cpu\n" in early
    assert "index-url" not in late


def test_what_the_app_imports_is_required(built):
    """Every module that is imported anywhere in the folder is Python's, the folder's, or comes with a requirement."""
    roots = set()
    for path in built.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                roots |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                roots.add(node.module.split(".")[0])
    assert {"torch", "gradio", "captum"} <= roots
    given = {
        "cv2": "opencv-python-headless", "PIL": "pillow", "python_multipart": "python-multipart", "yaml": "pyyaml",
        "markdown_it": "markdown-it-py",
    }  # fmt: skip
    names = {re.match(r"[\w.-]+", line)[0].lower() for line in (built / "requirements.txt").read_text().splitlines()
             if re.match(r"\w", line)}  # fmt: skip
    unknown = {
        root for root in roots
        if root not in sys.stdlib_module_names and not (built / root).exists() and not (built / f"{root}.py").exists()
        and given.get(root, root) not in names
    }  # fmt: skip
    # optional, imported where they are asked for: a server's tools, a detector, answers as parquet, measuring a model
    assert unknown <= {"mcp", "detectron2", "pyarrow", "sklearn"}


def test_without_a_registry_the_requirements_are_said_to_be_unresolved(built, monkeypatch):
    monkeypatch.setattr(space, "_pip", lambda *args: subprocess.CompletedProcess(args, 1, "", ""))
    assert "reaches no registry" in space.resolve(built)


def test_requirements_that_cannot_be_met_are_told(built, monkeypatch):
    answers = iter([(0, ""), (1, "ERROR: No matching distribution found for gradio==99\nmore")])
    monkeypatch.setattr(
        space, "_pip", lambda *args: subprocess.CompletedProcess(args, (answer := next(answers))[0], "", answer[1])
    )
    monkeypatch.setattr(space, "installed_files", lambda folder: (["requirements.txt"], ""))
    with pytest.raises(SpaceError, match=r"gradio==99$"):
        space.resolve(built)


def test_the_upload_command_is_one_that_the_installed_hf_knows():
    command = upload_command(Path("build/space"), "USER/SPACE")
    assert command.startswith("hf upload USER/SPACE build/space . --repo-type space")
    tool = Path(sysconfig.get_path("scripts")) / "hf"
    told = subprocess.run([tool, "upload", "--help"], capture_output=True, text=True, timeout=60).stdout
    for option in re.findall(r"--[a-z-]+", command):
        assert option in told


def test_the_command_line_ends_with_a_sentence_and_status_2(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(space, "ROOT", tmp_path)
    assert space.main(["--out", str(tmp_path / "out")]) == 2
    assert "git cannot read" in capsys.readouterr().err


# ---------------------------------------------------------------- how it runs


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
@pytest.mark.slow
def test_the_folder_runs_as_a_space_runs_it(built, capsys):
    """No rights, a read-only home, no other machine, nothing of the project but the folder; the packages are ours.

    `make space ARGS=--clean-venv` does the same with packages newly installed.
    """
    place = built.parent / "venv"
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    inside = Path(sysconfig.get_path("purelib", vars={"base": str(place), "platbase": str(place)}))
    (inside / "ours.pth").write_text("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}))
    drop = {"user": space.NOBODY, "group": space.NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    tried = subprocess.run([python, "-c", "import gradio_client"], capture_output=True, text=True, cwd="/", **drop)
    if tried.returncode:
        pytest.skip(f"a user without rights cannot use this Python: {tried.stderr.strip()[-200:]}")
    found = start(built, python)
    with capsys.disabled():
        print(
            f"\nSpace: up after {found['up']:.1f} s, first diagnosis after {found['answered']:.1f} s, "
            f"resident memory {found['memory'] / 2**20:.0f} MB, at most {found['peak'] / 2**20:.0f} MB"
        )
    assert found["uid"] != 0
    assert sum(found["probabilities"].values()) == pytest.approx(1)
    assert found["memory"] <= 1.5 * 2**30


def test_host_and_port_come_from_the_environment(monkeypatch):
    for name in ("GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "PORT", "GRADIO_MCP_SERVER"):
        monkeypatch.delenv(name, raising=False)
    told = app._parser().parse_args([])
    assert (told.host, told.port, told.mcp) == (None, None, False)
    monkeypatch.setenv("PORT", "8001")
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    monkeypatch.setenv("GRADIO_MCP_SERVER", "True")
    told = app._parser().parse_args([])
    assert (told.host, told.port, told.mcp) == ("0.0.0.0", 8001, True)
    monkeypatch.setenv("GRADIO_SERVER_PORT", "8002")
    assert app._parser().parse_args([]).port == 8002
    assert app._parser().parse_args(["--port", "8003"]).port == 8003


def test_caches_move_only_when_they_cannot_be_written(monkeypatch, tmp_path):
    writable, closed = tmp_path / "home", tmp_path / "file"
    writable.mkdir()
    closed.write_text("no folder")
    for name in CACHES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    monkeypatch.setenv("HOME", str(writable))
    with private_cache():
        assert not set(CACHES) & set(os.environ)
    monkeypatch.setenv("HOME", str(closed / "home"))  # below a file nothing can be made, not even by root
    monkeypatch.setenv("HF_HOME", str(writable / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(closed / "torch"))
    for name in set(CACHES) - {"HF_HOME", "TORCH_HOME"}:
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
    with private_cache() as folder:
        assert os.environ["HF_HOME"] == str(writable / "hub")
        for name, place in CACHES.items():
            if name != "HF_HOME":
                assert os.environ[name] == str(folder / place)
                assert (folder / place).is_dir()


def test_nowhere_to_write_gets_a_sentence_and_status_2(monkeypatch, capsys):
    def nowhere():
        raise FileNotFoundError

    monkeypatch.setattr("interface.private_cache._temporary", nowhere)
    assert app.main([]) == 2
    assert "TMPDIR" in capsys.readouterr().err


def test_without_a_temporary_folder_a_cache_folder_serves(monkeypatch, tmp_path):
    def nowhere():
        raise FileNotFoundError

    monkeypatch.setattr("interface.private_cache.tempfile.gettempdir", nowhere)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    with private_cache() as folder:
        assert folder.parent == tmp_path


def test_the_header_is_yaml_that_the_hub_reads():
    from huggingface_hub import SpaceCardData
    from huggingface_hub.repocard import metadata_load

    data = metadata_load(ROOT / "README.md")
    card = SpaceCardData(**data)
    assert (card.sdk, card.app_file, card.license) == ("gradio", "app.py", "cc-by-nc-4.0")
    assert yaml.safe_load(card.to_yaml())["short_description"]
