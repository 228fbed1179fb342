"""A class with phones: the page in another site's frame; a round on a phone, from the QR code to its CSV."""

import csv
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest
from browser_helpers import open_tab, reopen, serious_faults
from conftest import make_app, served
from local_server import running
from playwright.sync_api import Locator, Page, expect

from mat_core.data.labels import BY_CODE
from teaching.cases.practice_rounds import draw_round
from teaching.study import read_study

pytestmark = pytest.mark.browser


class Frame(BaseHTTPRequestHandler):
    """A page of another site that shows `server.shown` in a frame."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(f"<iframe src='{self.server.shown}' width=1000 height=800></iframe>".encode())

    def log_message(self, *_):
        pass


def test_only_a_named_site_may_frame_the_page(browser, tiny_diagnoser, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    with running(ThreadingHTTPServer(("127.0.0.1", 0), Frame)) as site:
        named, other = (f"http://{host}:{site.server_port}" for host in ("127.0.0.1", "localhost"))
        with served(make_app(tiny_diagnoser, tmp_path, embed=[named])) as site.shown:
            context = browser.new_context()
            try:
                page, said = context.new_page(), []
                page.on("console", lambda message: said.append(message.text))
                page.goto(named)
                expect(page.frame_locator("iframe").locator("#answer .bars li")).to_have_count(7)
                assert not [text for text in said if "frame-ancestors" in text]
                page.goto(other)
                page.wait_for_timeout(1000)
                assert page.frames[1].locator("#masthead").count() == 0
                assert any("frame-ancestors" in text for text in said)
            finally:
                context.close()


PHONE = {"has_touch": True, "is_mobile": True}


def scanned(image: Locator) -> str:
    """What a phone reads from a QR code on the screen."""
    expect(image).to_be_visible()
    picture = cv2.imdecode(np.frombuffer(image.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    return cv2.QRCodeDetector().detectAndDecode(picture)[0]


def swipe(page: Page, locator: Locator, by: tuple[int, int], at: float = 0.5) -> None:
    """A finger on an element, at this part of its width, that moves by so many pixels."""
    box = locator.bounding_box()
    x, y = box["x"] + at * box["width"], box["y"] + box["height"] / 2
    fingers = page.context.new_cdp_session(page)
    fingers.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 11):
        point = {"x": x + by[0] * step / 10, "y": y + by[1] * step / 10}
        fingers.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        page.wait_for_timeout(16)
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(300)


def fits(page: Page) -> bool:
    """Whether nothing scrolls sideways, in the page or in a card."""
    return page.evaluate("""[document.documentElement, document.querySelector('#practice .pr')].every(
        (one) => one.scrollWidth <= Math.max(one.clientWidth, 0))""")


def test_a_round_on_a_phone_from_the_qr_code_to_the_csv(visit, tmp_path):
    teacher = visit(1280, 900)
    open_tab(teacher, "Practice")
    form = teacher.locator("#practice form")
    form.locator("input[name=seed]").fill("7")
    form.get_by_text("As in a clinic").click()
    form.locator("input[name=prevalence]").fill("30")
    form.locator("input[name=drill][value=mel]").check()
    form.locator("input[name=clock]").fill("45")
    link = "practice?seed=7&n=5&of=phantoms&drill=mel&prevalence=30&clock=45"
    teacher.get_by_role("button", name="Show large").click()
    address = scanned(teacher.locator("dialog .qr"))
    assert address == teacher.url.split("#")[0] + "#" + link
    assert serious_faults(teacher) == []
    teacher.keyboard.press("Escape")
    expect(teacher.locator("dialog")).to_have_count(0)
    teacher.wait_for_timeout(500)
    assert scanned(teacher.locator("#practice .pr-code .qr")) == address

    page = visit(390, 844, "dark", fresh=True, url=address, **PHONE)
    practice, button = page.locator("#practice"), page.get_by_role("button")
    drawn = draw_round("phantoms", 7, 5, (), "mel", 30)
    status = practice.locator("[data-part=status]").element_handle()
    for at in range(len(drawn)):
        expect(practice.locator("h2")).to_contain_text(f"Case {at + 1} of 5: what is it?")
        expect(practice.locator("[role=timer]")).to_contain_text("45 s left" if at == 0 else "s left")
        card = practice.locator(".pr").bounding_box()
        assert (card["x"], card["y"], card["width"], card["height"]) == (0, 0, 390, 844)
        assert fits(page)
        for tile in (18, 27):
            practice.locator(f"[data-tile='{tile}']").tap()
        expect(practice.locator("[aria-pressed=true]")).to_have_count(2)
        expect(practice.locator("input[name=own]")).to_have_count(2)
        practice.locator("label", has=page.locator("input[name=own][value=mel]")).tap()
        practice.locator("label", has=page.locator("input[name=confidence][value='80']")).tap()
        assert button.filter(has_text="Commit").bounding_box()["height"] >= 44
        button.filter(has_text="Commit").tap()
        expect(practice.locator(".pr-bars li")).to_have_count(2)
        assert status.evaluate("(node) => node.isConnected && node.textContent").startswith("The model says ")
        assert fits(page)
        if at == 0:
            assert serious_faults(page) == []
        button.filter(has_text="Show the truth").tap()
        expect(practice.locator(".pr-right")).to_be_visible()
        heard = status.evaluate("(node) => node.isConnected && node.textContent")
        assert heard.startswith("It is ") or heard.startswith("Hiding ")
        assert fits(page)
        button.filter(has_text="Score" if at == 4 else "Next case").tap()
    right = sum(case.diagnosis == "mel" for case in drawn)
    expect(practice.locator("h2")).to_have_text(f"Score: {right} of 5 right by yourself")
    assert fits(page)
    with page.expect_download() as downloading:
        button.filter(has_text="Save as CSV").tap()
    downloading.value.save_as(tmp_path / "score.csv")
    with (tmp_path / "score.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == [case.diagnosis for case in drawn]
    assert [row["truth"] for row in rows] == ["mel" if case.diagnosis == "mel" else "rest" for case in drawn]
    assert {row["link"] for row in rows} == {"#" + link}
    assert all(0 <= int(row["seconds"]) < 600 for row in rows)


def test_a_presented_lesson_can_be_scanned(visit):
    page = visit()
    page.evaluate("location.hash = '#lessons?of=heads'")
    page.locator("#guide").get_by_role("button", name="Present").click()
    page.locator("#guide [data-part=join]").click()
    assert scanned(page.locator("dialog .qr")) == page.url.split("#")[0] + "#lessons?of=heads"
    page.keyboard.press("Escape")  # closes the slide, and not the presentation
    expect(page.locator("dialog")).to_have_count(0)
    expect(page.locator("#guide .ls-presenting")).to_be_visible()


def test_a_swipe_over_a_slider_scrolls_and_a_drag_moves_it(visit):
    page = visit(390, 844, **PHONE)
    slider = page.locator("#k input[type=range]")
    slider.scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    before, top = slider.input_value(), page.evaluate("scrollY")
    swipe(page, slider, (3, 200))
    assert page.evaluate("scrollY") < top - 100
    assert slider.input_value() == page.locator("#k input[type=number]").input_value() == before == "5"
    swipe(page, slider, (60, 0), at=0.3)
    assert int(slider.input_value()) > 5
    assert slider.input_value() == page.locator("#k input[type=number]").input_value()
    slider.tap()  # in the middle
    expect(page.locator("#k input[type=number]")).to_have_value(slider.input_value())


def test_a_study_shows_nothing_before_its_second_round_is_over(visit, tmp_path):
    teacher = visit()
    open_tab(teacher, "Practice")
    teacher.locator("#practice input[name=seed]").fill("3")
    teacher.locator("#practice input[name=count]").fill("1")
    teacher.get_by_role("button", name="Show the study large").click()
    link = scanned(teacher.locator("dialog .qr"))
    assert link.endswith("#practice?seed=3&n=1&of=phantoms&phase=pre")
    truth = draw_round("phantoms", 3, 1)[0].diagnosis
    wrong = "nv" if truth != "nv" else "mel"

    def answer(page: Page, code: str) -> None:
        page.locator("#practice [data-tile='20']").click()
        page.locator(f"#practice input[name=own][value={code}]").check()
        page.locator("#practice input[name=confidence][value='60']").check()
        page.get_by_role("button", name="Commit").click()

    page = visit(fresh=True, url=link)
    answer(page, wrong)
    expect(page.locator("#practice h2")).to_have_text("The first round is over")
    shown = page.locator("#practice [data-part=body]").inner_text()
    assert BY_CODE[truth].name not in shown
    page.evaluate("location.hash = '#practice'")  # the trainee does the lesson, and comes back
    page = reopen(page)
    page.get_by_role("button", name="After the lesson").click()
    expect(page.locator("#practice h2")).to_contain_text("Case 1 of 1")
    answer(page, truth)
    expect(page.locator("#practice [data-part=study]")).to_contain_text("0 of 1 before, 1 of 1 after")
    for number in range(1, 11):
        page.locator(f"#practice input[name=sus-{number}][value='{4 if number % 2 else 2}']").check()
    assert serious_faults(page) == []
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Save as CSV").click()
    downloading.value.save_as(tmp_path / downloading.value.suggested_filename)
    (trainee,), problems = read_study(tmp_path)
    assert (trainee.cases, trainee.right, trainee.sus, problems) == (1, (0, 1), 75, [])


def test_weak_classes_come_from_the_scores_in_this_browser(visit):
    page = visit(fresh=True)
    answer = {"at": 0, "name": "a", "truth": "bcc", "own": "df", "final": "df", "confidence": 80, "model": "bcc",
              "probability": 0.9, "marks": [1], "attended": None, "hidden": None}  # fmt: skip
    done = {"round": {"kind": "phantoms", "seed": 1, "count": 1}, "at": 1, "stage": "score",
            "draft": {"marks": [], "diagnosis": "", "confidence": 0}, "answers": [answer]}  # fmt: skip
    page.evaluate("(done) => localStorage.setItem('mat-practice', JSON.stringify({current: null, done: [done]}))", done)
    page = reopen(page)
    open_tab(page, "Practice")
    page.locator("#practice").get_by_text("Your weak classes: Basal cell carcinoma, Dermatofibroma").click()
    expect(page.locator("#practice .pr-card a")).to_contain_text("&drill=only-bcc-df")
    expect(page.locator("#practice [name=mix]").first).to_be_hidden()
    page.get_by_role("button", name="Start the round").click()
    expect(page.locator("#practice h2")).to_contain_text("Case 1 of 5")
    expect(page.locator("#practice")).to_contain_text("Your weak classes: Basal cell carcinoma, Dermatofibroma")
    expect(page.locator("#practice input[name=own]")).to_have_count(7)
