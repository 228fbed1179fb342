"""Hooks of mkdocs: pages from outside docs/, and links that work on GitHub and on the site."""

import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# documents outside docs/ -> their names on the site
PAGES = {
    "README.md": "index.md", "MODEL_CARD.md": "MODEL_CARD.md", "CONTRIBUTING.md": "CONTRIBUTING.md",
    "SECURITY.md": "SECURITY.md", "CHANGELOG.md": "CHANGELOG.md", "checkpoints/LICENSE.md": "LICENSE-WEIGHTS.md",
}  # fmt: skip
_CODE = re.compile(r"(^````.*?^````$|^```.*?^```$)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"""(\]\(|\b(?:src|srcset|href)=")([^)\s"]+)""")


def on_files(files, config):
    """Add the documents outside docs/."""
    from mkdocs.structure.files import File

    for name, target in PAGES.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, target, content=convert(text, posixpath.dirname(name))))
    return files


def on_page_markdown(markdown: str, page, **_) -> str:
    """Convert the documents in docs/."""
    return markdown if page.file.src_uri in PAGES.values() else convert(markdown, "docs")


def convert(text: str, folder: str) -> str:
    """Remove the header and the comments about tests, and point links to the pages of the site.

    folder: of the document, relative to the repository. Links to other files stay, and mkdocs reports them.
    """
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = re.sub(r"^<!-- (test|not run): .*? -->\n", "", text, flags=re.MULTILINE)
    pieces = _CODE.split(text)
    pieces[::2] = [_LINK.sub(lambda match: match[1] + _target(match[2], folder), piece) for piece in pieces[::2]]
    return "".join(pieces)


def _target(link: str, folder: str) -> str:
    if re.match(r"[a-z]+:|#", link):
        return link
    path, mark, anchor = link.partition("#")
    path = posixpath.normpath(posixpath.join(folder, path))
    if path not in PAGES and not path.startswith("docs/"):
        return link
    return PAGES.get(path, path.removeprefix("docs/")) + mark + anchor
