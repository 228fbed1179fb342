"""What mkdocs is told beyond mkdocs.yml: pages from outside docs/, and links that are right on GitHub and on the site.

mkdocs calls `on_files` and `on_page_markdown` while `make site` runs. Everything else here is plain text in, text out.
"""

import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# documents outside docs/ -> their names on the site
TOP = {
    "README.md": "index.md", "MODEL_CARD.md": "MODEL_CARD.md", "CONTRIBUTING.md": "CONTRIBUTING.md",
    "SECURITY.md": "SECURITY.md", "CHANGELOG.md": "CHANGELOG.md", "checkpoints/LICENSE.md": "LICENSE-WEIGHTS.md",
}  # fmt: skip
_CODE = re.compile(r"(^````.*?^````$|^```.*?^```$)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"""(\]\(|\b(?:src|srcset|href)=")([^)\s"]+)""")


def on_files(files, config):
    """mkdocs' event: the documents outside docs/ become pages."""
    from mkdocs.structure.files import File

    for name, target in TOP.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, target, content=for_site(text, posixpath.dirname(name))))
    return files


def on_page_markdown(markdown: str, page, **_) -> str:
    """mkdocs' event: the documents of docs/; what `on_files` made is as it should be."""
    return markdown if page.file.src_uri in TOP.values() else for_site(markdown, "docs")


def for_site(text: str, folder: str) -> str:
    """A document as a page of the site: its links lead there; neither header nor the marks of its blocks are left.

    folder: of the document in the repository, '' for the top; 'docs' is the top of the site. A link to what is no page
    stays as it is, so that mkdocs tells of it.
    """
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = re.sub(r"^<!-- (test|not run): .*? -->\n", "", text, flags=re.MULTILINE)
    pieces = _CODE.split(text)
    pieces[::2] = [_LINK.sub(lambda m: m[1] + _target(m[2], folder), piece) for piece in pieces[::2]]
    return "".join(pieces)


def _target(link: str, folder: str) -> str:
    if re.match(r"[a-z]+:|#", link):
        return link
    path, mark, anchor = link.partition("#")
    path = posixpath.normpath(posixpath.join(folder, path))
    if path in TOP:
        return TOP[path] + mark + anchor
    return path.removeprefix("docs/") + mark + anchor if path.startswith("docs/") else link
