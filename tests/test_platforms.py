"""Windows and macOS: everything starts without what only Linux or only POSIX has."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT

# what Windows lacks; macOS lacks sched_getaffinity. Libraries are imported before: they look at sys.platform
WITHOUT_POSIX = """
import os, signal, sys
import accelerate, gradio, matplotlib.pyplot, sklearn, timm, torch, torchvision, uvicorn

def kill(pid, number):
    assert number != 0, "on Windows, os.kill(pid, 0) is Ctrl-C"
os.kill = kill
for name in (
    "fchown", "chown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getgroups", "getloadavg", "getpgid",
    "getpgrp", "getsid", "getuid", "killpg", "mkfifo", "nice", "pread", "pwrite", "register_at_fork",
    "sched_getaffinity", "sched_setaffinity", "setsid", "statvfs", "sysconf", "uname", "wait3", "wait4",
):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1", "SIGUSR2", "alarm", "pause"):
    delattr(signal, name)
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None  # as if it were not installed
"""
APP = """
import app, interface.app
interface.app.serve = lambda demo, *_: print("ready to serve", len(demo.blocks))
for line in (["--version"], ["--help"]):
    try:
        app.main(line)
    except SystemExit as ended:
        assert not ended.code
sys.exit(app.main(["--checkpoint", sys.argv[1]]))
"""
CORE = """
del os.O_NONBLOCK, os.O_NOFOLLOW, os.O_CLOEXEC  # filelock, which the app uses, needs them on Linux
from mat_core.__main__ import main
from mat_core.utils.cpu import available_cpus
assert available_cpus() >= 1
sys.exit(main(["diagnose", sys.argv[2], "--checkpoint", sys.argv[1], "--age", "40"]))
"""
TRAINING = """
from pathlib import Path
from teaching.phantoms import write_phantom_dataset
from training.__main__ import main
folder = Path(sys.argv[2]).parent
data = write_phantom_dataset(folder / "data", 3, size=(60, 80))
plan = ["--data", str(data), "--split-file", str(folder / "split.csv"), "--runs", str(folder), "--preset", "smoke"]
assert main(["split", *plan[:4]]) == 0
assert main(["status", "--runs", str(folder)]) == 0
sys.exit(main(["backbone", *plan, "--workers", "0"]))
"""
BENCHMARKS = """
from benchmarks.__main__ import main
sys.exit(main(["--list"]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("program", [APP, CORE, TRAINING, BENCHMARKS], ids=["app", "core", "training", "benchmarks"])
def test_it_starts_without_what_other_systems_lack(program, tiny_bundle, phantom_file, tmp_path):
    left = tmp_path / "mat-demo-left" / "lock"  # by an app that was killed
    left.parent.mkdir()
    left.touch()
    command = [sys.executable, "-c", WITHOUT_POSIX + program, str(tiny_bundle), str(phantom_file)]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    assert left.exists() == (program is not APP)
