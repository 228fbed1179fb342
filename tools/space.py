"""python -m tools.space: build the folder that becomes a Hugging Face Space, and check it. Knows no Gradio.

Exit status 0, or 2 with a sentence on standard error for whatever must not or cannot be uploaded.

More than 300 lines: what is built, what is refused and how it is tried belong together, and nothing else needs them.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unicodedata
import urllib.request
import venv
from pathlib import Path

import yaml

from mat_core.encoding import encode_png
from mat_core.errors import UserError
from mat_core.phantoms import make_phantom
from tools.processes import end

ROOT = Path(__file__).resolve().parents[1]
# what the app needs
WANTED = (
    "app.py", "mat_core", "interface", "assets", "checkpoints", "requirements.txt", "pre-requirements.txt", "README.md",
    "MODEL_CARD.md", "SECURITY.md", "LICENSE",
)  # fmt: skip
KINDS = (".py", ".md", ".txt", ".json", ".csv", ".js", ".css", ".html", ".svg", ".safetensors", ".typed")
# what must never be published, by name; each with the reason that is told
PRIVATE = {
    r"(^|/)(isic|ham)_\d+[^/]*\.(jpe?g|png|bmp|tiff?|webp|gif)$": "is named like an image of HAM10000 or ISIC",
    r"\.(jpe?g|png|bmp|tiff?|webp|gif)$": "is a photograph or another picture",
    r"\.(pkl|pickle|pt|pth|ckpt|bin|npy|npz|joblib)$": "may run code when it is loaded, or is not a file of a bundle",
    r"(^|/)\.env|\.(pem|key|p12)$": "is named like a secret",
    r"(^|/)(id_rsa|id_ed25519|tokens?|credentials?|secrets?)(\.|$)": "is named like a secret",
    r"(^|/)\.": "is hidden",
}
SECRETS = re.compile(
    rb"hf_[A-Za-z0-9]{30,}|-----BEGIN [A-Z ]*PRIVATE KEY-----|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}"
)
COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
PYTHONS = ("3.11", "3.12", "3.13")
MOST_BYTES, MOST_FILE, MOST_TEXT = 150 * 2**20, 60 * 2**20, 2 * 2**20
MOST_MEMORY = 1.5 * 2**30  # resident bytes after a diagnosis
NOBODY = 65534
# what the started app runs before all else: every way out of the machine is closed, and its use is told
GUARD = """import sys

def closed(event, args):
    if event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if host not in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0"):
        print(f"ASKED {host}", flush=True)
        raise OSError("no network")

sys.addaudithook(closed)
"""


class SpaceError(UserError):
    """The folder must not or cannot become a Space."""


# ---------------------------------------------------------------- build


def build(root: Path, target: Path) -> list[Path]:
    """Copy what the app needs from the git work tree `root` into `target`, which is made anew. Returns what is there.

    Raises SpaceError for a file in the app's folders that git does not track, for a link, and for a `target` that holds
    something else than an earlier build.
    """
    names = _git(root, "ls-files", "-z", "--", *WANTED)
    if stray := _git(root, "ls-files", "-z", "--others", "--exclude-standard", "--", *WANTED):
        raise SpaceError(f"git does not track {_listed(stray)}. Add what belongs to the app, remove what does not.")
    if missing := [w for w in WANTED if not any(name == w or name.startswith(f"{w}/") for name in names)]:
        raise SpaceError(f"{_listed(missing)} is missing from what git tracks.")
    if target.exists():
        if any(target.iterdir()) and not (target / "app.py").is_file():
            raise SpaceError(f"{target} holds something else than a built Space. Choose another folder with --out.")
        shutil.rmtree(target)
    for name in names:
        source = root / name
        if source.is_symlink() or not source.is_file():
            raise SpaceError(f"{name} is a link or has been deleted; a Space takes files only.")
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target / name)
    return [Path(name) for name in names]


def _git(root: Path, *args: str) -> list[str]:
    try:
        done = subprocess.run(["git", "-C", str(root), *args], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise SpaceError("git is needed: what it does not track is not uploaded.") from None
    except subprocess.CalledProcessError as error:
        raise SpaceError(f"git cannot read {root}: {error.stderr.strip()}") from None
    return [name for name in done.stdout.split("\0") if name]


# ---------------------------------------------------------------- check


def check(folder: Path) -> dict:
    """The header of README.md, when the built folder may be uploaded. Raises SpaceError with what is wrong."""
    check_files(folder)
    requirements = pins((folder / "requirements.txt").read_text(encoding="utf-8"))
    early = pins((folder / "pre-requirements.txt").read_text(encoding="utf-8"))
    for name, pin in early.items():
        if pin.split("+")[0] != requirements.get(name):
            late = requirements.get(name)
            raise SpaceError(f"pre-requirements.txt pins {name} to {pin}, requirements.txt to {late}: make them equal.")
    header = front_matter((folder / "README.md").read_text(encoding="utf-8"))
    check_header(header, folder, requirements)
    return header


def check_files(folder: Path) -> None:
    """No private or stray file, no secret inside one, no size that a Space does not take. Raises SpaceError."""
    total = 0
    for path in sorted(p for p in folder.rglob("*") if not p.is_dir() or p.is_symlink()):
        name, size = path.relative_to(folder).as_posix(), path.lstat().st_size
        if path.is_symlink():
            raise SpaceError(f"{name} is a link; a Space takes files only.")
        for pattern, reason in PRIVATE.items():
            if re.search(pattern, name, re.IGNORECASE):
                raise SpaceError(f"{name} {reason}: it must not be uploaded.")
        if name.split("/")[0] not in WANTED or not (path.suffix in KINDS or name == "LICENSE"):
            raise SpaceError(f"{name} is not what the app needs: allowed are {', '.join(KINDS)} in the app's folders.")
        most = MOST_FILE if path.suffix == ".safetensors" else MOST_TEXT
        if size > most:
            raise SpaceError(f"{name} has {_mb(size)}; at most {_mb(most)} are allowed.")
        if path.suffix != ".safetensors" and SECRETS.search(path.read_bytes()):
            raise SpaceError(f"{name} has a token or a private key in it: it must not be uploaded.")
        total += size
    if total > MOST_BYTES:
        raise SpaceError(f"The folder has {_mb(total)}; at most {_mb(MOST_BYTES)} are allowed.")


def front_matter(text: str) -> dict:
    """The YAML header of a README. Raises SpaceError."""
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    try:
        header = yaml.safe_load(match[1]) if match else None
    except yaml.YAMLError as error:
        raise SpaceError(f"The header of README.md is no YAML: {str(error).splitlines()[0]}.") from None
    if not isinstance(header, dict):
        raise SpaceError("README.md must begin with a YAML header between two lines of ---.")
    return header


def check_header(header: dict, folder: Path, requirements: dict[str, str]) -> None:
    """What Spaces reads from the header is there, allowed, and fits the requirements. Raises SpaceError."""
    title, emoji, tags = header.get("title"), str(header.get("emoji", "")), header.get("tags")
    short = str(header.get("short_description", ""))
    rules = {
        "title must be a text": isinstance(title, str) and title.strip(),
        "emoji must be one emoji": 1 <= len(emoji) <= 8 and unicodedata.category(emoji[0]) == "So",
        f"colorFrom and colorTo must be of {', '.join(COLOURS)}": {header.get("colorFrom"), header.get("colorTo")}
        <= set(COLOURS),
        "sdk must be gradio": header.get("sdk") == "gradio",
        f"sdk_version must be {requirements.get('gradio')}, the gradio of requirements.txt, and is "
        f"{header.get('sdk_version')}": str(header.get("sdk_version")) == requirements.get("gradio"),
        f"python_version must be a text, one of {', '.join(PYTHONS)}": header.get("python_version") in PYTHONS,
        "app_file must be app.py": header.get("app_file") == "app.py" and (folder / "app.py").is_file(),
        "license must be cc-by-nc-4.0, the weights'": header.get("license") == "cc-by-nc-4.0",
        "tags must be a list of texts": isinstance(tags, list) and tags and all(isinstance(t, str) for t in tags),
        f"short_description must have 1 to 60 characters and has {len(short)}": 1 <= len(short) <= 60,
    }
    if broken := [rule for rule, good in rules.items() if not good]:
        raise SpaceError(f"The header of README.md: {'; '.join(broken)}.")


def pins(text: str) -> dict[str, str]:
    """name -> version for the lines `name==version` of a requirements file."""
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", text, re.MULTILINE))


# ---------------------------------------------------------------- requirements


def resolve(folder: Path, python: Path = Path(sys.executable)) -> str:
    """Ask pip whether all requirements can be met together, installing nothing. Returns what was found out.

    Spaces installs gradio with its extras oauth and mcp, so these must fit too. Raises SpaceError when they do not.
    """
    if _pip(python, "index", "versions", "gradio", "--retries", "0", "--timeout", "8").returncode:
        return "requirements: not resolved, as pip reaches no registry from here"
    files, left_out = installed_files(folder)
    gradio = pins((folder / "requirements.txt").read_text(encoding="utf-8"))["gradio"]
    named = [word for file in files for word in ("-r", str(folder / file))]
    done = _pip(python, "install", "--dry-run", "--quiet", *named, f"gradio[oauth,mcp]=={gradio}")
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr.strip()]
        raise SpaceError(f"The requirements cannot be met together: {told[0]}")
    return f"requirements: can be met together, gradio's oauth and mcp included{left_out}"


def installed_files(folder: Path) -> tuple[list[str], str]:
    """The requirements files in the order that Spaces installs them, and what is to be said when one is left out."""
    early = (folder / "pre-requirements.txt").read_text(encoding="utf-8")
    index = re.search(r"^--extra-index-url\s+(\S+)", early, re.MULTILINE)
    try:
        if index:
            urllib.request.urlopen(index[1].rstrip("/") + "/torch/", timeout=8).close()
    except OSError:
        left_out = "; pre-requirements.txt was left out, as its index of CPU wheels cannot be reached from here"
        return ["requirements.txt"], left_out
    return ["pre-requirements.txt", "requirements.txt"], ""


def _pip(python: Path, *args: str) -> subprocess.CompletedProcess:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=3600)


# ---------------------------------------------------------------- start


def start(folder: Path, python: Path, patience: float = 600) -> dict:
    """Start the built folder as a Space does, and diagnose one drawing. Linux only.

    The app runs without rights (as nobody, when this process is root), with a read-only home, one folder that it can
    write to, host and port from the environment, and no other machine to talk to. Returns the `probabilities`, the
    seconds until it was `up` and had `answered`, and its `memory` and `peak` in bytes, resident. Raises SpaceError.
    """
    from gradio_client import Client, handle_file

    drop = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="space-") as name:
        place = Path(name)
        place.chmod(0o755)
        home, cache, image = place / "home", place / "cache", place / "drawing.png"
        home.mkdir()
        home.chmod(0o555)
        cache.mkdir()
        image.write_bytes(_drawing())
        (place / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
        if drop:
            os.chown(cache, NOBODY, NOBODY)
        port = _free_port()
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(cache), "GRADIO_SERVER_NAME": "127.0.0.1",
            "GRADIO_SERVER_PORT": str(port), "OMP_NUM_THREADS": "2", "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(place),
        }  # fmt: skip
        began = time.monotonic()
        with (place / "said").open("w+") as said:
            process = subprocess.Popen(
                [str(python), "app.py"], cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT, **drop
            )
            try:
                while f":{port}" not in (text := (place / "said").read_text(encoding="utf-8")):
                    if process.poll() is not None or time.monotonic() - began > patience:
                        raise SpaceError(f"The app did not start: {text.strip() or 'it said nothing'}")
                    time.sleep(0.2)
                up = time.monotonic() - began
                client = Client(f"http://127.0.0.1:{port}", verbose=False)
                answer = client.predict(
                    image=handle_file(image), age=55, sex="female", localization="back", api_name="/diagnose"
                )
                answered = time.monotonic() - began
                status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
            finally:
                end(process)
            text = (place / "said").read_text(encoding="utf-8")
        if asked := re.findall(r"^ASKED (.*)", text, re.MULTILINE):
            raise SpaceError(f"The app asked for other machines: {_listed(asked)}.")
        left = [path.name for path in cache.iterdir() if path.name.startswith("mat-demo-")]
        if left:
            raise SpaceError(f"The app left {_listed(left)} behind.")
        uid = int(re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)[1])
        kilobytes = {key: int(re.search(rf"^{key}:\s+(\d+) kB", status, re.MULTILINE)[1]) for key in ("VmRSS", "VmHWM")}
        return {
            "probabilities": answer["probabilities"], "up": up, "answered": answered, "uid": uid,
            "memory": kilobytes["VmRSS"] * 1024, "peak": kilobytes["VmHWM"] * 1024,
        }  # fmt: skip


def clean_venv(folder: Path, place: Path) -> Path:
    """A new environment in `place` with nothing but the requirements of the built folder. Returns its Python."""
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    for file in installed_files(folder)[0]:
        done = _pip(python, "install", "--quiet", "-r", str(folder / file))
        if done.returncode:
            raise SpaceError(f"{file} cannot be installed into a new environment: {done.stderr.strip()[-500:]}")
    return python


def _drawing() -> bytes:
    return encode_png(make_phantom(3, "mel", (450, 600)).image)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# ---------------------------------------------------------------- command line


def upload_command(folder: Path, repo: str) -> str:
    """The command that makes the Space exactly this folder; it makes the Space where there is none yet."""
    return (
        f'hf upload {repo} {folder} . --repo-type space --delete "*" --commit-message "The app as built by make space"'
    )


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    args = _parser().parse_args(argv)
    try:
        args.out = args.out.absolute()
        names = build(ROOT, args.out)
        check(args.out)
        size = sum((args.out / name).stat().st_size for name in names)
        print(
            f"{os.path.relpath(args.out)}: {len(names)} files, {_mb(size)}; "
            "header, versions, sizes, names and secrets are checked"
        )
        if changed := _git(ROOT, "diff", "HEAD", "--name-only", "-z", "--", *WANTED):
            print(f"note: {_listed(changed)} not committed as it is here")
        print("requirements: not resolved (--offline)" if args.offline else resolve(args.out))
        if args.clean_venv:
            with tempfile.TemporaryDirectory(prefix="space-venv-", dir=args.out.parent) as place:
                _try(args.out, Path(place))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"Upload it with:\n\n    {upload_command(Path(os.path.relpath(args.out)), args.repo)}\n")
    return 0


def _try(folder: Path, place: Path) -> None:
    print("installing the requirements into a new environment: minutes", flush=True)
    place.chmod(0o755)
    began = time.monotonic()
    python = clean_venv(folder, place)
    installed = time.monotonic() - began
    found = start(folder, python)
    top = max(found["probabilities"], key=found["probabilities"].get)
    print(
        f"installed in {installed:.0f} s; as user {found['uid']} with a read-only home: up after {found['up']:.1f} s, "
        f"first diagnosis after {found['answered']:.1f} s ({top} {found['probabilities'][top]:.3f}), "
        f"resident memory {_mb(found['memory'])}, at most {_mb(found['peak'])}"
    )
    if found["peak"] > MOST_MEMORY:
        raise SpaceError(f"The app took {_mb(found['peak'])} of memory; at most {_mb(MOST_MEMORY)} are allowed.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.space", description="Build and check the Space's folder.")
    parser.add_argument("--out", type=Path, default=Path("build/space"), help="the folder (default: build/space)")
    parser.add_argument("--repo", default="USER/SPACE", help="name of the Space, for the command that uploads it")
    parser.add_argument("--offline", action="store_true", help="do not ask pip whether the requirements can be met")
    parser.add_argument(
        "--clean-venv", action="store_true", help="also install into a new environment, start the folder and diagnose"
    )
    return parser


def _listed(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _mb(size: float) -> str:
    return f"{size / 2**20:.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
