"""python -m tools.build_space: build and check the folder of the Hugging Face Space, start it once, upload it.

Exit status 0, or 2 with an error message.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gradio_client import Client, handle_file
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.repocard import metadata_load
from huggingface_hub.utils import filter_repo_objects
from packaging.specifiers import SpecifierSet

from mat_core.data.image_encoding import encode_png
from mat_core.errors import UserError
from teaching.phantoms import make_phantom
from tools.app_process import ROOT, app_process, resident_memory

PATHS = (
    "app.py", "mat_core", "teaching", "interface", "assets", "checkpoints", "requirements.txt", "pre-requirements.txt",
    "README.md", "MODEL_CARD.md", "SECURITY.md", "LICENSE",
)  # fmt: skip
# no pictures: a photograph of a patient must not be published by accident; no pickles: they can run code
TYPES = ("py", "md", "txt", "json", "yaml", "csv", "js", "css", "html", "svg", "safetensors", "typed")
PATTERNS = ["LICENSE", *(f"*.{suffix}" for suffix in TYPES)]
SECRETS = re.compile(
    rb"hf_[A-Za-z0-9]{30,}|-----BEGIN [A-Z ]*PRIVATE KEY-----|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}"
)
MAX_BYTES = 150 * 2**20


class SpaceError(UserError):
    """The folder must not or cannot become a Space."""


def build(root: Path, target: Path) -> list[str]:
    """Copy the files of the app that git tracks in `root` into `target`, which is replaced, and return their names.

    Raises SpaceError where `target` is not an earlier build.
    """
    git = ["git", "-C", str(root), "ls-files", "-z", "--", *PATHS]
    try:
        names = subprocess.run(git, capture_output=True, text=True, check=True).stdout.split("\0")[:-1]
    except (OSError, subprocess.CalledProcessError) as error:
        raise SpaceError(f"git cannot list the files of {root}: {getattr(error, 'stderr', error)}") from None
    if target.exists() and any(target.iterdir()) and not (target / "app.py").is_file():
        raise SpaceError(f"{target} is not an earlier build. Choose another folder with --out.")
    shutil.rmtree(target, ignore_errors=True)
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target / name, follow_symlinks=False)
    return names


def check(folder: Path) -> None:
    """Check names, contents, size, versions and header of the folder. Raises SpaceError."""
    files = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    names = {path.relative_to(folder).as_posix() for path in files}
    allowed = {name for name in filter_repo_objects(names, allow_patterns=PATTERNS) if "/." not in f"/{name}"}
    if refused := sorted(names - allowed):
        raise SpaceError(f"Not allowed in a Space: {', '.join(refused)}. Allowed are {', '.join(PATTERNS)}.")
    for path in files:
        if path.is_symlink():
            raise SpaceError(f"{path.relative_to(folder)} is a link.")
        if path.suffix != ".safetensors" and SECRETS.search(path.read_bytes()):
            raise SpaceError(f"{path.relative_to(folder)} contains a token or a private key.")
    if (size := sum(path.stat().st_size for path in files)) > MAX_BYTES:
        raise SpaceError(f"The folder has {size / 2**20:.0f} MB; at most {MAX_BYTES / 2**20:.0f} MB are allowed.")
    versions, early = (_pins(folder / name) for name in ("requirements.txt", "pre-requirements.txt"))
    if wrong := [name for name, version in early.items() if version.split("+")[0] != versions.get(name)]:
        raise SpaceError(f"requirements.txt and pre-requirements.txt name different versions of {', '.join(wrong)}.")
    header = metadata_load(folder / "README.md") or {}
    required = {"sdk": "gradio", "app_file": "app.py", "license": "cc-by-nc-4.0"}
    if wrong := {key: value for key, value in required.items() if header.get(key) != value}:
        raise SpaceError(f"The header of README.md needs {wrong}.")
    gradio = re.search(r"^gradio([^_\s]+)$", (folder / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)[1]
    if header.get("sdk_version") not in SpecifierSet(gradio):
        raise SpaceError(f"The header of README.md needs an sdk_version that fits gradio{gradio}.")
    if not 1 <= len(header.get("short_description", "")) <= 60:
        raise SpaceError("The header of README.md needs a short_description of 1 to 60 characters.")


def start(folder: Path, python: str = sys.executable) -> dict:
    """Start the folder without network and home, diagnose a phantom; return probabilities, seconds and memory in MB."""
    with tempfile.TemporaryDirectory(prefix="space-") as name:
        image = Path(name) / "phantom.png"
        image.write_bytes(encode_png(make_phantom(3, "mel", (450, 600)).image))
        env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "TMPDIR": name, "HF_HUB_OFFLINE": "1"}
        begun = time.monotonic()
        with app_process(folder=folder, python=python, env=env) as (url, process):
            listening = time.monotonic() - begun
            answer = Client(url, verbose=False).predict(
                image=handle_file(image), age=55, sex="female", localization="back", api_name="/diagnose"
            )
            return {
                "probabilities": answer["probabilities"], "seconds": listening,
                "memory": resident_memory(process.pid),
            }  # fmt: skip


def upload(folder: Path, repo: str) -> str:
    """Make the Space `repo` exactly this folder; create it where it does not exist. Returns its address."""
    api = HfApi()
    api.create_repo(repo, repo_type="space", space_sdk="gradio", exist_ok=True)
    return api.upload_folder(
        repo_id=repo, folder_path=folder, repo_type="space", allow_patterns=PATTERNS, delete_patterns="*",
        commit_message="Upload the app",
    )  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.build_space", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "space", help="folder (default: build/space)")
    parser.add_argument("--upload", metavar="OWNER/NAME", help="upload the folder to this Space")
    args = parser.parse_args(argv)
    try:
        names = build(ROOT, args.out)
        check(args.out)
        result = start(args.out)
        print(f"{args.out}: {len(names)} files; listening after {result['seconds']:.1f} s, {result['memory']:.0f} MB")
        print(upload(args.out, args.upload) if args.upload else 'Upload it with: make space ARGS="--upload OWNER/NAME"')
    except (UserError, OSError, HfHubHTTPError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _pins(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE))


if __name__ == "__main__":
    sys.exit(main())
