"""The app as a person uses it: headless Chromium, one server for all tests. Skipped where there is no Chromium."""

import re
from pathlib import Path

import cv2
import pytest
from browser_helpers import (
    VIEWS,
    EventLog,
    case_of,
    choose_class,
    diagnose,
    open_tab,
    serious_faults,
    upload,
    wait_for_another_case,
)
from playwright.sync_api import Page, Route, expect

from mat_core import DISCLAIMER, Metadata
from mat_core.data.labels import BY_CODE
from mat_core.explain import ablate
from teaching.criteria import read_criteria
from teaching.phantoms import make_phantom

pytestmark = pytest.mark.browser


def shown_probabilities(page: Page) -> dict[str, float]:
    rows = page.locator("#answer .bars li").all()
    return {row.get_attribute("data-code"): float(row.locator(".value").inner_text().rstrip("%")) for row in rows}


def fits(diagnosis):
    return {code: pytest.approx(100 * p, abs=0.051) for code, p in diagnosis.probabilities.items()}


def test_the_strip_cuts_no_name_off_and_its_box_clears_its_arrow(visit):
    cut = """names => names.filter(name => name.offsetParent && name.scrollWidth > name.clientWidth)
        .map(name => name.textContent)"""
    room = """input => {
        const pen = document.createElement('canvas').getContext('2d'), style = getComputedStyle(input);
        pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
        const start = input.getBoundingClientRect().left + parseFloat(style.paddingLeft);
        const end = start + pen.measureText(input.value).width;
        const arrow = document.querySelector('#question-class .dropdown-arrow').getBoundingClientRect();
        return arrow.left + arrow.width / 4 - end; }"""  # pixels from the text's end to where the arrow is drawn
    page = visit()
    for width in (390, 700, 820, 1120, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert width < 641 or page.locator("#strip .tops .name").evaluate_all(cut) == []
        assert page.locator("#strip").bounding_box()["height"] < 76  # it stays in sight, so it takes little of it
        assert page.locator("#question-class input").evaluate(room) > 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_first_visit_shows_a_case_already_analysed(visit):
    page = visit()
    expect(page.locator("#masthead")).to_contain_text(DISCLAIMER)
    expect(page.locator("#image img")).to_be_visible()
    expect(page.locator("#regions .box")).to_have_count(5)
    expect(page.locator("#attention .heat")).to_have_count(2)
    expect(page.locator("#words .chip")).to_contain_text(
        ["age", "40", "sex", "female", "localization", "upper", "extremity"]
    )
    top = page.locator("#answer [data-top]").get_attribute("data-top")
    expect(page.locator("#answer .verdict")).to_contain_text(BY_CODE[top].name)
    for selector in ("#answer", "#regions svg"):
        box = page.locator(selector).bounding_box()
        assert box["y"] + box["height"] <= 900, "answer and image on one screen"
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('#input-panel, #output')]
        .flatMap((panel) => [...panel.querySelectorAll('input, button')])
        .filter((e) => e.offsetParent && e.type !== 'file' && !e.labels?.length && !e.textContent.trim())
        .filter((e) => !e.ariaLabel && !e.title).map((e) => e.outerHTML)"""
    )
    assert unnamed == []


def test_criteria_of_the_answer_unfold_and_stay_open_until_another_class_comes_first(visit):
    page = visit()
    criteria = page.locator("#criteria details")
    top = page.locator("#answer [data-top]").get_attribute("data-top")
    expect(criteria).to_have_attribute("data-code", top)
    criteria.locator("summary").press("Enter")
    expect(criteria).to_contain_text("was not taught these criteria")
    shown = [item.get_attribute("data-criterion") for item in criteria.locator("li").all()]
    speaking = (*read_criteria().speaking_for(top), *read_criteria().speaking_against(top))
    assert shown == [one.id for one in speaking]
    for item in criteria.locator("li").all():
        assert page.locator(item.locator("use").get_attribute("href")).count() == 1
    links = [link.get_attribute("href") for link in criteria.locator("a").all()]
    assert links
    assert all(link.startswith("https://doi.org/10.") for link in links)
    assert serious_faults(page) == []
    before = case_of(page)
    page.locator("#age input").fill("41")
    wait_for_another_case(page, before)
    now = page.locator("#answer [data-top]").get_attribute("data-top")
    expect(criteria).to_have_attribute("data-code", now)
    assert criteria.evaluate("(details) => details.open") == (now == top)


def test_upload_fill_in_diagnose_then_other_metadata_answer_at_once(visit, tiny_diagnoser, phantom_file):
    page = visit()
    upload(page, phantom_file)
    page.locator("#age input").fill("70")
    page.locator("#sex").get_by_label("male", exact=True).check()
    expect(page.locator("#words .chip").nth(3)).to_have_text("male")
    expect(page.locator("#answer .stale")).to_have_count(1)  # metadata alone do not answer for the new image
    page.locator("#localization input").click()
    page.get_by_role("option", name="lower extremity").click()
    diagnose(page)
    expected = tiny_diagnoser(phantom_file, Metadata(70, "male", "lower extremity"))
    assert shown_probabilities(page) == fits(expected)
    expect(page.locator("#answer .provenance")).to_have_count(0)

    page.locator("#age input").fill("")
    expect(page.locator("#words .chip").first).to_have_text("sex")
    younger = tiny_diagnoser(phantom_file, Metadata(None, "male", "lower extremity"))
    expect(page.locator("#attention th.word")).to_have_count(2 * len(younger.words))
    assert shown_probabilities(page) == fits(younger)


def test_enter_diagnoses_from_the_age_field_and_from_the_page(visit, tiny_diagnoser, phantom_file, tmp_path):
    page = visit()
    upload(page, phantom_file)
    page.locator("#age input").fill("30")
    page.locator("#age input").press("Enter")
    expect(page.locator("#answer .stale")).to_have_count(0)
    assert shown_probabilities(page) == fits(tiny_diagnoser(phantom_file, Metadata(30)))
    other = tmp_path / "other.png"
    other.write_bytes(cv2.imencode(".png", make_phantom(5, "nv").image[..., ::-1])[1].tobytes())
    upload(page, other)
    page.locator("#same-patient").click()
    expect(page.locator("#age input")).to_have_value("30")
    page.locator("#sex").get_by_label("male", exact=True).check()
    expect(page.locator("#words .chip")).to_have_count(4)
    page.keyboard.press("Enter")
    expect(page.locator("#answer .stale")).to_have_count(0)
    assert shown_probabilities(page) == fits(tiny_diagnoser(other, Metadata(30, "male")))


def test_other_metadata_draw_on_the_photograph_that_is_there(visit):
    page = visit()
    drawn = page.locator("#regions svg use")
    photograph = page.evaluate("document.querySelector('#photograph image').href.baseVal").encode()
    assert page.locator(drawn.get_attribute("href")).count() == 1
    assert drawn.bounding_box()["height"] > 100
    bodies, before, events = [], case_of(page), EventLog(page)
    events.wait()  # the stream that is open now is not read

    def read(route: Route) -> None:
        answer = route.fetch()
        bodies.append(answer.body())
        route.fulfill(response=answer)

    page.route(re.compile("queue/data"), read)
    page.locator("#sex").get_by_label("male", exact=True).check()
    wait_for_another_case(page, before)
    events.wait()
    assert any(b'class=\\"box\\"' in body for body in bodies)
    assert not any(photograph[:2000] in body for body in bodies)
    assert page.locator(drawn.get_attribute("href")).count() == 1
    page.unroute_all(behavior="wait")  # a stream that is read when the page closes has no end
    with page.expect_response(lambda answer: "queue/data" in answer.url):
        page.locator("#examples button[data-index='1']").click()
    page.wait_for_function("document.querySelector(document.querySelector('#regions use').getAttribute('href'))")


def test_slider_and_head_selector_redraw_the_evidence(visit):
    page = visit()
    page.locator("#k input[type=number]").fill("12")
    page.locator("#k input[type=number]").press("Tab")
    expect(page.locator("#regions .box")).to_have_count(12)
    expect(page.locator("#regions tbody tr")).to_have_count(12)
    expect(page.locator("#attention section").first.locator("tbody tr")).to_have_count(13)  # and the other regions
    page.locator("#k input[type=range]").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#regions .box")).to_have_count(11)
    average = page.locator("#attention table").first.inner_text()
    page.locator("#head").get_by_label("3", exact=True).check()
    expect(page.locator("#attention table").first).not_to_have_text(average, use_inner_text=True)


def test_mistakes_are_told_beside_them_and_the_rest_stays(visit, tmp_path):
    page = visit()
    before = shown_probabilities(page)
    page.locator("#age input").fill("130")
    expect(page.locator("#form-note .note-error")).to_contain_text("0 to 120")
    assert shown_probabilities(page) == before
    page.locator("#age input").fill("40")
    expect(page.locator("#form-note .note-error")).to_have_count(0)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"this is no picture")
    upload(page, broken)
    page.locator("#diagnose").click()
    expect(page.locator("#image-note .note-error")).to_contain_text("not an image file")
    assert "/" not in page.locator("#image-note").inner_text()
    assert shown_probabilities(page) == before
    page.get_by_label("Remove Image").click()
    expect(page.locator("#answer .stale")).to_have_count(1)
    expect(page.locator("#image-note .note-error")).to_have_count(0)
    page.locator("#diagnose").click()
    expect(page.locator("#image-note .note-error")).to_contain_text("Give an image first")


def test_an_example_is_loaded_and_diagnosed_by_one_click(visit, tiny_diagnoser):
    page = visit()
    page.locator("#examples button").nth(1).click()
    expect(page.locator("#answer .provenance")).to_contain_text("Synthetic 2")
    phantom = make_phantom(2, "nv", (450, 600))
    assert shown_probabilities(page) == fits(tiny_diagnoser(phantom.image, phantom.metadata))
    expect(page.locator("#age input")).to_have_value(str(phantom.metadata.age))
    expect(page.locator("#answer details p")).to_be_hidden()
    page.locator("#answer summary").click()
    expect(page.locator("#answer details p")).to_contain_text("Melanocytic nevus")
    page.locator("#age input").fill("20")
    expect(page.locator("#words .chip").nth(1)).to_have_text("20")
    expect(page.locator("#answer .stale")).to_have_count(0)


def test_a_figure_can_be_saved(visit):
    page = visit()
    with page.expect_download() as download:
        page.locator("#save").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("scheme", "widths"), [("light", (390, 1280)), ("dark", (1280, 390))])
def test_every_tab_fits_can_be_read_and_is_accessible(visit, scheme, widths):
    """Its size at both widths, accessibility and contrast at the last one."""
    page = visit(widths[-1], 844, scheme)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for tab, part in {**VIEWS, "Explore": "[data-part=matrix]"}.items():
        open_tab(page, tab)
        expect(page.locator(part).first).to_be_visible()
        if tab == "Explore":
            expect(page.locator("[data-part=order]")).to_have_value("attention")
            page.locator("[data-part=order]").select_option("detector")
            page.locator("td[data-row='2'][data-col='2']").click()
            page.locator("[data-walk=panel]").wait_for()
            page.locator("[data-part=table-part] summary").click()
        # what is still being computed is dimmed
        page.wait_for_function("![...document.querySelectorAll('.pending')].some((part) => part.offsetParent)")
        page.wait_for_function("document.getAnimations().every((animation) => animation.playState !== 'running')")
        for width in widths:
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, tab
            assert tab == "Explore" or page.evaluate(BEYOND_THE_EDGE, width) == []
            assert page.evaluate(NUMBERS_OUT_OF_SIGHT) == [], tab
            page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
            expect(page.locator(".disclaimer")).to_be_in_viewport(ratio=1)
        assert serious_faults(page) == [], tab
        assert tab == "Explore" or page.evaluate(CONTRAST) == []


def test_questions_are_about_the_class_and_the_case_that_are_chosen(visit, tiny_diagnoser, phantom_file):
    page = visit()
    open_tab(page, "Question")
    expect(page.locator("#ablation-view .verdict")).to_be_visible()
    choose_class(page, "Melanoma")
    expect(page.locator("#ablation-view .verdict")).to_contain_text("probability of melanoma")
    open_tab(page, "Diagnose")
    upload(page, phantom_file)
    diagnose(page)
    open_tab(page, "Question")
    diagnosis = tiny_diagnoser(phantom_file, Metadata())
    said = ablate(tiny_diagnoser, diagnosis.regions, diagnosis.metadata).summary("mel")
    expect(page.locator("#ablation-view .verdict")).to_have_text(said)
    open_tab(page, "Doubt")
    page.locator("#threshold input[type=number]").fill("30")
    page.locator("#threshold input[type=number]").press("Tab")
    expect(page.locator("#threshold-said")).to_contain_text("has not been measured")


BEYOND_THE_EDGE = """(width) => [...document.querySelectorAll('main *')].filter((e) => e.offsetParent
    && !e.closest('.scroll') && !e.closest('.list') && !e.closest('.thumbs') && !e.closest('svg') && e.innerText
    && e.getBoundingClientRect().right > width + 1).map((e) => e.outerHTML.slice(0, 120))"""
# the first two numbers of a table are what it is opened for
NUMBERS_OUT_OF_SIGHT = """() => [...document.querySelectorAll('main table.plain')]
    .filter((e) => e.offsetParent && e.closest('[id$="-view"]') && e.closest('.scroll')).flatMap((table) => {
    const edge = table.closest('.scroll').getBoundingClientRect().right;
    return [...table.querySelectorAll('tbody td:nth-child(-n+3)')].filter((e) =>
      e.getBoundingClientRect().right > edge + 1).map((e) => e.parentElement.innerText); })"""
# text of our own and of Gradio's labels: those with less than 4.5 : 1 on the nearest opaque colour behind them
CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const linear = (v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = (c) => [0, 1, 2].map((i) => linear(c[i] / 255))
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgba(getComputedStyle(e).backgroundColor);
      if (c[3] > 250) return c;
    }
    return rgba('white');
  };
  return [...document.querySelectorAll('main *')].filter((e) => e.offsetParent && !e.closest('svg')
      && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).map((e) => {
    const [a, b] = [light(rgba(getComputedStyle(e).color)), light(behind(e))].sort((x, y) => y - x);
    return [(a + .05) / (b + .05), e.outerHTML.slice(0, 100)];
  }).filter(([ratio]) => ratio < 4.5);
}"""
