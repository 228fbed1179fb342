"""The code blocks of the documents. A comment above each says which test runs it, or why none does:

<!-- test: NAME -->            a test runs `block(NAME)`
<!-- not run: the reason -->
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARK = re.compile(r"<!-- (test|not run): (.+?) -->")


@dataclass(frozen=True)
class Block:
    """A fenced block. at: 'file:line'; mark: 'test', 'not run' or ''; note: the name or the reason."""

    at: str
    language: str
    text: str
    mark: str
    note: str


def documents() -> list[Path]:
    """All documents but the changelog, whose commands may be outdated."""
    top = ("README.md", "CONTRIBUTING.md", "MODEL_CARD.md", "SECURITY.md")
    return [*(ROOT / name for name in top), *sorted((ROOT / "docs").glob("*.md"))]


def blocks() -> Iterator[Block]:
    """All fenced blocks, in order."""
    for path in documents():
        name, fence, before, inside = path.relative_to(ROOT).as_posix(), None, "", []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if fence is None and (opened := re.match(r"\s*(`{3,}|~{3,})\s*(\w*)", line)):
                fence, language, at, inside = opened[1], opened[2], f"{name}:{number}", []
            elif fence is not None and line.strip() == fence:
                mark = MARK.fullmatch(before.strip())
                yield Block(at, language, "".join(inside), *(mark.groups() if mark else ("", "")))
                fence = None
            elif fence is not None:
                inside.append(line + "\n")
            before = before if fence is not None else line
        assert fence is None, f"{name}: the block of line {at} does not end"


def prose(path: Path) -> str:
    """A document without its fenced blocks."""
    return re.sub(r"^(`{3,}|~{3,})[^\n]*\n.*?^\1$", "", path.read_text(encoding="utf-8"), flags=re.S | re.M)


def block(name: str) -> str:
    """The text of the blocks that are marked `test: name`, joined."""
    found = [each.text for each in blocks() if (each.mark, each.note) == ("test", name)]
    assert found, f"no block is marked <!-- test: {name} -->"
    return "\n".join(found)
