"""A tour through everything on the page in headless Chromium: it asks its own server alone, and nothing is refused."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from browser_helpers import VIEWS, EventLog, diagnose, open_tab, upload, wait_for_answer
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

# what the browser itself says of a policy, beside what it writes to the console
REFUSALS = """document.addEventListener('securitypolicyviolation', (event) => console.error(
    `policy: ${event.violatedDirective} refuses ${event.blockedURI}`));"""


# what Gradio's own list of endpoints asks for when it is opened, and does without: the app serves neither
IN_VAIN = ("/monitoring/summary", "/gradio_api/mcp/schema")
POST = """{method: 'POST', body: '{"data": []}'}"""


class Log:
    """Every request, answer and message of the pages that it watches."""

    def __init__(self, url: str):
        self.url, self.requests, self.messages, self.failed = url.rstrip("/"), [], [], []

    def watch(self, page: Page) -> None:
        page.add_init_script(REFUSALS)
        page.on("request", lambda request: self.requests.append(request.url))
        self.events = EventLog(page)
        page.on("websocket", lambda socket: self.requests.append(socket.url))
        page.on("console", lambda said: self.messages.append((said.type, said.text)))
        page.on("pageerror", lambda error: self.messages.append(("error", str(error))))
        page.on("response", lambda got: self.failed.append((got.status, got.url)) if got.status >= 400 else None)

    def foreign(self) -> list[str]:
        """Requests to anywhere but the server that the page came from; data: and blob: go nowhere."""
        own = (self.url + "/", self.url.replace("http", "ws", 1) + "/", "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own) and url != self.url]

    def bad(self) -> list[str]:
        """Errors, and whatever is said of a policy or a refusal, as a warning too."""
        return [
            text for kind, text in self.messages
            if (kind == "error" and not text.startswith("Failed to load resource"))  # those are in `failed`
            or re.search(r"content security policy|refused to|policy:|blocked", text, re.I)
        ]  # fmt: skip


@pytest.fixture
def log(app_url) -> Log:
    return Log(app_url)


@pytest.fixture
def page(shared_context, log) -> Iterator[Page]:
    page = shared_context.new_page()
    page.set_viewport_size({"width": 1280, "height": 900})
    log.watch(page)
    yield page
    page.close()


def test_a_full_tour_stays_with_its_server(page, log, phantom_file):
    page.goto(log.url)
    wait_for_answer(page)
    page.locator("#examples button").nth(2).click()
    expect(page.locator("#answer .provenance")).to_contain_text("Synthetic 3")
    upload(page, phantom_file)
    shown = page.locator("#image img")
    expect(shown).to_be_visible()
    page.wait_for_function("document.querySelector('#image img')?.naturalWidth === 400")
    diagnose(page)
    page.locator("#age input").fill("30")
    expect(page.locator("#words .chip").nth(1)).to_have_text("30")
    page.locator("#head").get_by_label("2", exact=True).check()
    page.locator("#k input[type=number]").fill("9")
    page.locator("#k input[type=number]").press("Tab")
    expect(page.locator("#regions .box")).to_have_count(9)
    with page.expect_download():
        page.locator("#save").click()

    open_tab(page, "Explore")
    page.locator("td[data-row][data-col]").first.hover()
    page.locator("td[data-row][data-col]").first.click()
    expect(page.locator('[data-walk="panel"]').first).to_be_visible()
    exports = page.locator("[data-export]").all()
    assert len(exports) > 2
    for button in exports:
        with page.expect_download():
            button.click()

    for tab, part in VIEWS.items():
        open_tab(page, tab)
        expect(page.locator(part)).to_be_visible()
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    open_tab(page, "Diagnose")

    page.set_viewport_size({"width": 1280, "height": 900})
    for name, text in (("Use via API", "API name"), ("Settings", "Theme")):
        page.get_by_role("button", name=name).click()
        expect(page.locator(".api-docs").get_by_text(text).first).to_be_visible()
        log.events.wait()  # who leaves before breaks a stream off, and the console says so
        page.goto(log.url)
        wait_for_answer(page)
    log.events.wait()  # who leaves before breaks a stream off, and the console says so

    assert len(log.requests) > 30, "nothing was watched"
    assert log.foreign() == []
    assert [(status, url) for status, url in log.failed if not url.endswith(IN_VAIN)] == []
    assert log.bad() == []


def test_the_watch_would_tell(page, log):
    """The log is not empty because nothing is written to it."""
    page.goto(log.url)
    page.evaluate("fetch('http://127.0.0.1:9/x').catch(() => 0)")
    page.evaluate("new Image().src = 'http://127.0.0.1:9/y.png'")
    page.evaluate("console.error('oh')")
    page.wait_for_timeout(500)
    assert "oh" in log.bad()
    assert any("policy: connect-src" in text for text in log.bad()), "the page may ask other machines"
    assert any("policy: img-src" in text for text in log.bad()), "the page may show other machines' images"


def test_another_page_cannot_frame_it_nor_read_it(browser, app_url):
    """A page of another origin gets neither the demo in a frame, nor an answer, nor an upload accepted."""
    text = f"<iframe id=demo src='{app_url}'></iframe>".encode()

    class Other(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    other = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    context = browser.new_context()
    page = context.new_page()
    try:
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"http://127.0.0.1:{other.server_port}/")
        page.wait_for_timeout(1500)
        frame = page.frames[1]
        assert frame.locator("#masthead").count() == 0
        assert any("frame-ancestors" in text for text in said), said
        for path, options in (("config", ""), ("gradio_api/info", ""), ("gradio_api/call/words", POST)):
            options = f", {options}" if options else ""
            got = page.evaluate(f"fetch('{app_url}{path}'{options}).then((r) => r.text()).catch(() => 'refused')")
            assert got == "refused", path
    finally:
        context.close()
        other.shutdown()
        other.server_close()
