"""Starting the app: its command line, its private folders, a container with an unknown user."""

import errno
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from conftest import ROOT, app_process
from filelock import FileLock

import app
from interface.server.runtime_dirs import CACHES, LOCK, PRIVATE, private_cache
from mat_core import BundleError, UserError

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COPIED = [source for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.M) for source in line.split()]
NOBODY = ("unshare", "--user", "--map-user=54321", "--map-group=54321")  # a user that no file knows
# every path that Python opens for writing is noted
NOTED = """
import os, sys
noted = os.open({log!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def note(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)) and (args[2] or 0) & (os.O_WRONLY | os.O_RDWR):
        os.write(noted, os.path.abspath(os.fsencode(args[0])) + b"\\n")
    elif event in ("os.mkdir", "os.rename", "os.link") and isinstance(args[-2 if event == "os.mkdir" else 1], str):
        os.write(noted, os.path.abspath(os.fsencode(args[0 if event == "os.mkdir" else 1])) + b"\\n")
sys.addaudithook(note)
"""


def may_unshare() -> bool:
    return bool(shutil.which("unshare")) and subprocess.run([*NOBODY, "true"], capture_output=True).returncode == 0


# ---------------------------------------------------------------- the command line


@pytest.fixture
def run_app(monkeypatch, tmp_path, capsys):
    """A function that runs app.py in this process up to its exit: its status, and what it wrote to stderr."""
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("GRADIO_TEMP_DIR", *CACHES, *PRIVATE):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # so that it is put back

    def run(*arguments) -> tuple[int, str]:
        try:
            status = app.main(list(map(str, arguments)))
        except SystemExit as end:
            status = end.code
        return status, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    "option",
    [
        ["--port", "99999"],
        ["--port", "-1"],
        ["--port", "x"],
        ["--proxy", "everybody"],
        ["--embed", "moodle"],
        ["--embed", "https://moodle.example/course"],
        ["--embed", "https://a; script-src *"],
    ],
)
def test_invalid_options_are_named(run_app, option):
    status, said = run_app(*option)
    assert status == 2
    assert option[1] in said


@pytest.mark.parametrize("options", [["--keyfile", "k.pem"], ["--share", "--certfile", "c.pem"]])
def test_options_that_do_not_go_together_are_refused(run_app, options):
    status, said = run_app(*options)
    assert status == 2
    assert said.splitlines()[-1].startswith(f"python app.py: error: {options[0]}")


def test_what_cannot_be_read_gets_an_error_and_status_2(run_app, tiny_bundle, tmp_path):
    for given, says in (
        (["--checkpoint", tmp_path / "nowhere"], "There is no folder"),
        (["--checkpoint", tiny_bundle, "--data", tmp_path], "HAM10000_metadata.csv"),
        (["--checkpoint", tiny_bundle, "--revision", "v1"], "A revision belongs to a name on the Hub"),
        (["--checkpoint", tiny_bundle, "--certfile", tmp_path / "nowhere.pem"], "No such file"),
        (["--checkpoint", tiny_bundle, "--certfile", __file__], "no certificate"),
    ):
        status, said = run_app(*given)
        assert status == 2
        assert said.startswith("error: ")
        assert says in said
        assert len(said.strip().splitlines()) == 1


def test_a_taken_port_gets_an_error_and_status_2(run_app, tiny_bundle):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, said = run_app("--checkpoint", tiny_bundle, "--port", port)
    assert status == 2
    assert f"port {port}: it is in use" in said


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_that_is_not_ours_is_refused_before_any_port_is_tried(host):
    from interface.app import serve

    with pytest.raises(UserError, match="cannot listen"):
        serve(None, host)


@pytest.mark.parametrize("full", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named(run_app, monkeypatch, tiny_bundle, tmp_path, full):
    def no_room(folder):
        raise OSError(full, "No space left on device")

    monkeypatch.setattr("teaching.cases.examples.synthetic_examples", no_room)
    status, said = run_app("--checkpoint", tiny_bundle)
    assert status == 2
    assert "disk is full" in said
    assert not list(tmp_path.iterdir())


def test_a_revision_of_the_hubs_goes_where_the_bundle_is_loaded(run_app, monkeypatch):
    asked = []

    def load(*given):
        asked.append(given)
        raise BundleError("that was all")

    monkeypatch.setattr("mat_core.inference.diagnoser.load_bundle", load)
    assert run_app("--checkpoint", "mat/tiny", "--revision", "0123abc")[0] == 2
    assert run_app("--checkpoint", "mat/tiny")[0] == 2
    assert asked == [("mat/tiny", "0123abc"), ("mat/tiny", None)]


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


# ---------------------------------------------------------------- private folders


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


def test_without_a_temporary_folder_a_cache_folder_serves_or_an_error_says_so(run_app, monkeypatch, tmp_path):
    def nowhere():
        raise FileNotFoundError

    monkeypatch.setattr("interface.server.runtime_dirs.tempfile.gettempdir", nowhere)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with private_cache() as folder:
        assert folder.parent == tmp_path
    monkeypatch.setattr("interface.server.runtime_dirs._temporary", nowhere)
    status, said = run_app()
    assert status == 2
    assert "TMPDIR" in said


def test_what_a_killed_app_left_is_deleted_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    for name in ("mat-demo-killed", "mat-demo-alive"):
        (tmp_path / name).mkdir()
        (tmp_path / name / LOCK).touch()
    alive = tmp_path / "mat-demo-alive"
    with FileLock(alive / LOCK), private_cache() as folder:
        assert os.environ["GRADIO_TEMP_DIR"].startswith(str(folder))
        assert folder.stat().st_mode & 0o077 == 0
        assert set(tmp_path.iterdir()) == {alive, folder}
    assert set(tmp_path.iterdir()) == {alive}


# ---------------------------------------------------------------- a container


@pytest.fixture
def small_folder(tmp_path) -> Iterator[Path]:
    """A temporary folder with room for 24 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.slow
@pytest.mark.skipif(not may_unshare(), reason="needs unshare and user namespaces, to be an unknown user")
def test_in_a_container_as_an_unknown_user(tiny_bundle, phantom_file, tmp_path, small_folder):
    """No HOME, no environment but a proxy that does not answer, little room: the app writes below TMPDIR only."""
    place, log = tmp_path / "code", tmp_path / "written"
    place.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, place)
    (tmp_path / "sitecustomize.py").write_text(NOTED.format(log=str(log)))
    subprocess.run(["chmod", "-R", "a-w", place], check=True)  # what is tried in vain is noted, too
    dead = "http://127.0.0.1:9"
    environment = {
        "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1", "http_proxy": dead, "https_proxy": dead,
        "all_proxy": dead,
    }  # fmt: skip
    began = time.monotonic()
    with app_process(
        "--checkpoint", tiny_bundle, temporary=small_folder, before=NOBODY, environment=environment, cwd=place
    ) as (url, process):
        assert process.said.startswith("Loading the model ...\n")
        with httpx.Client(base_url=url, trust_env=False, timeout=60) as web:
            name = web.post("gradio_api/upload", files={"files": phantom_file.read_bytes()}).json()[0]
            data = [{"path": name, "meta": {"_type": "gradio.FileData"}}, 55, "female", "back"]
            event = web.post("gradio_api/call/diagnose", json={"data": data}).json()["event_id"]
            assert '"probabilities"' in web.get(f"gradio_api/call/diagnose/{event}").text
    assert process.returncode == 0
    written = {path for path in log.read_text().splitlines() if path and path != "/dev/null"}
    assert written, "the test would see what is written"
    assert [path for path in sorted(written) if not path.startswith(f"{small_folder}/")] == []
    assert list(small_folder.iterdir()) == []
    assert time.monotonic() - began < 120


def test_the_image_is_small_runs_without_rights_and_takes_nothing_else():
    instructions = re.findall(r"^([A-Z]+) (.+)$", DOCKERFILE, re.M)
    assert [value for name, value in instructions if name == "USER"] == ["1000"]
    assert dict(instructions)["FROM"].endswith("-slim")
    assert [name for name in COPIED if not (ROOT / name).exists()] == []
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*"
    assert {name.removeprefix("!") for name in ignored if name.startswith("!")} == set(COPIED)
    assert "pre-requirements.txt" in COPIED, "which names the wheels for the CPU"


def test_the_health_check_tells_a_running_app_from_none(app_url, monkeypatch):
    command = json.loads(re.search(r"^HEALTHCHECK .*CMD (\[.+\])$", DOCKERFILE, re.M)[1])
    assert command[0] == "python"
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    for url, healthy in ((app_url, True), ("http://127.0.0.1:9/", False)):
        code = command[2].replace("http://127.0.0.1:7860/", url)
        assert (subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0) == healthy
