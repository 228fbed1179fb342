"""make audit: licences of all that the app runs on, and known holes in it. Exit status 0, 1 with a finding, 3 unknown.

    python -m tools.audit [requirements.txt]

Licences are read from the installed packages' own metadata. Known holes come from pip-audit's database on the network;
where that cannot be reached, it is said, and nothing is claimed.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# licences that would bind what is built on top; NVIDIA's CUDA wheels, which Linux gets beside torch, may be passed on
COPYLEFT = re.compile(r"\bA?GPL|General Public License|SSPL|non-?commercial", re.IGNORECASE)
WEAKER = re.compile(r"\bLGPL|Lesser", re.IGNORECASE)
UNREACHED = re.compile(r"ConnectionError|MaxRetryError|NameResolution|ConnectTimeout|ServiceError|ReadTimeout|urlopen")


def required(names: Iterable[str]) -> list[str]:
    """The named packages and all that they require on this machine, by name. Raises PackageNotFoundError."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        found[name] = None
        for line in distribution(name).requires or ():
            if ";" in line:
                continue  # extras and other platforms: what of it is here stands in somebody's plain requirements
            waiting.append(re.match(r"[\w.-]+", line)[0])
    return sorted(found)


def licence(name: str) -> str:
    """What a package says its licence is, in one line; 'not stated' where it says nothing."""
    about = distribution(name).metadata
    stated = about.get("License-Expression") or ""
    classified = [c.split("::")[-1].strip() for c in about.get_all("Classifier") or () if c.startswith("License ::")]
    first = (about.get("License") or "").strip().splitlines()[:1]
    return stated or ", ".join(classified) or (first[0][:80] if first else "not stated")


def holes() -> tuple[int, str]:
    """Exit status and sentence of pip-audit about the packages of this environment."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--local"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return 3, "Known holes: unknown. The database did not answer within five minutes."
    try:
        packages = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        if UNREACHED.search(ran.stderr):
            return 3, "Known holes: unknown. The database of pip-audit cannot be reached from here."
        last = ran.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        return 3, f"Known holes: unknown. pip-audit says: {last[0][:200]}"
    bad = [f"{p['name']} {p['version']}: {v['id']}" for p in packages for v in p.get("vulns", ())]
    if bad:
        return 1, "Known holes:\n  " + "\n  ".join(bad)
    return 0, f"Known holes: none in {len(packages)} packages."


def main(argv: list[str] | None = None) -> int:
    """Print both reports; the worse exit status of the two."""
    argv = sys.argv[1:] if argv is None else argv
    requirements = Path(argv[0]) if argv else ROOT / "requirements.txt"
    lines = (line.split("#")[0].strip() for line in requirements.read_text(encoding="utf-8").splitlines())
    names = [re.match(r"[\w.-]+", line)[0] for line in lines if line and not line.startswith("-")]
    try:
        packages = {name: licence(name) for name in required(names)}
    except PackageNotFoundError as missing:
        print(f"error: {missing.args[0]} is not installed. Run: pip install -r {requirements.name}", file=sys.stderr)
        return 2
    width = max(map(len, packages))
    for name, stated in packages.items():
        print(f"{name:{width}}  {stated}")
    binding = [name for name, stated in packages.items() if COPYLEFT.search(stated) and not WEAKER.search(stated)]
    print(f"\n{len(packages)} packages; licences that bind what is built on them: {', '.join(binding) or 'none'}.")
    status, sentence = holes()
    print(sentence)
    return 1 if binding else status


if __name__ == "__main__":
    sys.exit(main())
