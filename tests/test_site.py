"""The documents as a site: every one is in it, links lead somewhere, and a page asks nothing from elsewhere."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from browsing import leaves
from conftest import ROOT
from serving import running

from tools.site_pages import TOP, for_site

CONFIG = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
MKDOCS = all(importlib.util.find_spec(name) for name in ("mkdocs", "material"))
needs_mkdocs = pytest.mark.skipif(not MKDOCS, reason="mkdocs-material is not installed: requirements-dev.txt")
# attributes by which a page loads something, by element; a link that is followed loads nothing
LOADS = {"script": "src", "img": "src", "source": "srcset", "iframe": "src", "video": "src", "link": "href"}


def pages(nav: list) -> Iterator[str]:
    for entry in nav:
        for value in entry.values():
            yield from pages(value) if isinstance(value, list) else [value]


# ---------------------------------------------------------------- text in, text out


def test_every_document_is_in_the_list_once():
    listed = list(pages(CONFIG["nav"]))
    written = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert sorted(listed) == sorted(written | set(TOP.values())), "mkdocs.yml, nav: each document, once"
    assert [name for name in TOP if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize(
    ("folder", "text", "becomes"),
    [
        ("", "[a](docs/TOUR.md#hide)", "[a](TOUR.md#hide)"),
        ("", "[a](MODEL_CARD.md) [b](#here)", "[a](MODEL_CARD.md) [b](#here)"),
        ("", "[a](checkpoints/LICENSE.md)", "[a](LICENSE-WEIGHTS.md)"),
        ("docs", "[a](../README.md#licences)", "[a](index.md#licences)"),
        ("docs", "[a](LISTS.md) [b](figures/x.svg)", "[a](LISTS.md) [b](figures/x.svg)"),
        ("docs", "[a](https://example.org/docs/x.md)", "[a](https://example.org/docs/x.md)"),
        ("docs", "[a](../app.py)", "[a](../app.py)"),  # no page: mkdocs tells
        ("", '<img src="docs/images/a.webp">', '<img src="images/a.webp">'),
        ("docs", '<source srcset="images/a.webp">', '<source srcset="images/a.webp">'),
        ("", "---\ntitle: x\n---\n# A\n", "# A\n"),
        ("docs", "<!-- test: lists -->\n```sh\n[a](../README.md)\n```\n", "```sh\n[a](../README.md)\n```\n"),
        ("docs", "````\n```\nx\n```\n[a](../README.md)\n````\n", "````\n```\nx\n```\n[a](../README.md)\n````\n"),
    ],
)
def test_links_lead_to_the_page_on_the_site(folder, text, becomes):
    assert for_site(text, folder) == becomes


# ---------------------------------------------------------------- built


def build(source: Path, target: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("site")
    done = build(ROOT, target)
    assert done.returncode == 0, done.stderr
    return target


class Page(HTMLParser):
    """What a page loads, where its links lead, and the anchors that it has."""

    def __init__(self, path: Path):
        super().__init__()
        self.loads, self.links, self.anchors = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if value := given.get(LOADS.get(tag, "")):
            self.loads.append(value)
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}


@needs_mkdocs
@pytest.mark.slow
def test_the_site_is_whole_and_asks_nothing_from_elsewhere(site):
    found = {path.relative_to(site).as_posix(): Page(path) for path in site.rglob("*.html")}
    assert {name.replace(".md", ".html") for name in pages(CONFIG["nav"])} <= set(found)
    assert not (site / "results").exists()
    for name, page in found.items():
        assert page.loads, name
        for address in page.loads:
            assert not re.match(r"(https?:)?//", address), f"{name} loads {address}"
        if name == "404.html":
            continue  # its addresses are those of a server's root
        for link in [*page.loads, *page.links]:
            if re.match(r"(https|mailto|data):", link):
                continue
            file, _, anchor = unquote(link).partition("#")
            there = (site / name).parent / file if file else site / name
            assert there.exists(), f"{name} leads to {link}"
            if anchor and there.suffix == ".html":
                assert anchor in found[there.resolve().relative_to(site.resolve()).as_posix()].anchors, (
                    f"{name}: {link}"
                )
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", style.read_text(encoding="utf-8")), style.name


@needs_mkdocs
@pytest.mark.browser
@pytest.mark.slow
def test_a_browser_asks_the_site_alone(site, browser):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    asked, said = [], []
    with running(ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))) as server:
        page = browser.new_context(color_scheme="dark").new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        for name in ("index", "TOUR", "API"):
            page.goto(f"http://127.0.0.1:{server.server_port}/{name}.html")
            page.wait_for_load_state("networkidle")
        page.context.close()
    assert len(asked) > 10
    assert any(address.endswith("images/diagnose-dark.webp") for address in asked)
    assert [address for address in asked if leaves(address)] == []
    assert said == []


@needs_mkdocs
@pytest.mark.slow
def test_a_link_that_leads_nowhere_is_told(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("results"))
    for name in ("mkdocs.yml", "tools/site_pages.py", *TOP):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    with (tmp_path / "docs" / "FAQ.md").open("a", encoding="utf-8") as file:
        file.write("\n[a](NOWHERE.md) and [b](TOUR.md#no-such-heading)\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode == 1
    assert "NOWHERE.md" in done.stderr
    assert "no-such-heading" in done.stderr
