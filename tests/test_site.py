"""The docs as a site: mkdocs finds no broken link, and its pages load nothing from other hosts."""

import importlib.util
import os
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from browser_helpers import leaves
from conftest import ROOT
from local_server import running


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    if not importlib.util.find_spec("material"):
        pytest.skip("mkdocs-material is not installed: requirements-dev.txt")
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return target


@pytest.mark.slow
def test_every_document_is_on_the_site(site):
    """mkdocs --strict fails on broken links and on documents that are missing from the navigation."""
    documents = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert documents | {"index", "SECURITY", "CHANGELOG"} <= {path.stem for path in site.glob("*.html")}
    assert not (site / "results").exists()


@pytest.mark.browser
@pytest.mark.slow
def test_pages_load_nothing_from_other_hosts(site, browser):
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    requests, errors = [], []
    with running(ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=site))) as server:
        page = browser.new_context(color_scheme="dark").new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        for name in sorted(path.name for path in site.glob("*.html")):
            page.goto(f"http://127.0.0.1:{server.server_port}/{name}", wait_until="networkidle")
        page.context.close()
    assert any(address.endswith("images/diagnose-dark.webp") for address in requests)
    assert [address for address in requests if leaves(address)] == []
    assert errors == []
