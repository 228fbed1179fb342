"""The app as a process of its own, which a tool starts and must not leave behind."""

import subprocess

PATIENCE = 30  # seconds


def end(process: subprocess.Popen) -> None:
    """Ask a process to end, and end it where it does not within PATIENCE."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
