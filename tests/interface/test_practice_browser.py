"""Practice in headless Chromium: a round by link to its exported score, with brush and keys; each browser its own."""

import csv
import json
import re
from pathlib import Path

import pytest
from browser_helpers import open_tab, reopen, serious_faults
from playwright.sync_api import Page, expect

from mat_core.data.labels import BY_CODE
from teaching.cases.practice_rounds import draw_round
from teaching.criteria import read_criteria

pytestmark = pytest.mark.browser

SEED, COUNT = 11, 2
ROUND = draw_round("phantoms", SEED, COUNT)


def open_round(page: Page, count: int = COUNT) -> None:
    page.evaluate(f"location.hash = '#practice?seed={SEED}&n={count}&of=phantoms'")
    expect(page.locator("#practice h2")).to_contain_text(f"Case 1 of {count}")


def mark(page: Page, first: int, last: int) -> None:
    """Drag from one tile to another."""
    page.locator(f"#practice [data-tile='{first}']").scroll_into_view_if_needed()
    ends = [page.locator(f"#practice [data-tile='{tile}']").bounding_box() for tile in (first, last)]
    (x1, y1), (x2, y2) = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in ends]
    page.mouse.move(x1, y1)
    page.mouse.down()
    page.mouse.move(x2, y2, steps=12)
    page.mouse.up()


def commit(page: Page, code: str, sure: int) -> None:
    page.locator(f"#practice input[name=own][value={code}]").check()
    page.locator(f"#practice input[name=confidence][value='{sure}']").check()
    page.get_by_role("button", name="Commit").click()
    expect(page.locator("#practice h2")).to_contain_text("the model says")


def tick(page: Page, *ids: str) -> None:
    """Unfold the criteria and tick some, with the keyboard alone."""
    page.locator("#practice .pr-criteria summary").focus()
    page.keyboard.press("Enter")
    for id in ids:
        page.locator(f"#practice input[value={id}]").focus()
        page.keyboard.press("Space")


def kept(page: Page) -> dict:
    return json.loads(page.evaluate("localStorage.getItem('mat-practice')"))


def test_a_round_from_its_link_to_its_score(visit, tmp_path):
    page = visit()
    open_round(page)
    practice = page.locator("#practice")
    truth = [drawn.diagnosis for drawn in ROUND]
    # case 1: nothing of the model is there; the brush marks three tiles of a row
    assert practice.locator(".pr-bars").count() == 0
    expect(page.get_by_role("button", name="Commit")).to_be_disabled()
    mark(page, 18, 20)
    expect(practice.locator("[aria-pressed=true]")).to_have_count(3)
    criteria = read_criteria()
    speaks, contradicts = criteria.speaking_for(truth[0])[0], criteria.speaking_against(truth[0])[0]
    tick(page, speaks.id, contradicts.id)
    expect(practice.locator(".pr-criteria summary")).to_contain_text("2 ticked")
    expect(practice.get_by_role("checkbox", name=speaks.name["en"], exact=True)).to_be_checked()
    assert serious_faults(page) == []
    commit(page, truth[0], 80)
    assert set(kept(page)["current"]["draft"]["criteria"]) == {speaks.id, contradicts.id}
    expect(practice.locator(".pr-bars li")).to_have_count(7)
    assert "truth" not in json.dumps(kept(page))  # the page does not know it yet
    assert serious_faults(page) == []
    # a right answer is given up for a wrong one: the model misled
    wrong = next(code for code in BY_CODE if code != truth[0])
    practice.locator(f"input[name=final][value={wrong}]").check()
    page.get_by_role("button", name="Show the truth").click()
    expect(practice.locator("h2")).to_contain_text(f"it is {BY_CODE[truth[0]].name}")
    expect(practice.locator("[data-overlap=attended]")).to_contain_text("Of your 3 tiles")
    expect(practice.locator("[data-overlap=hidden]")).to_contain_text("Of your 3 tiles")
    # the true class, which was chosen, beside the class that it was given up for
    expect(practice.locator(".pr-compared [data-class]")).to_have_count(2)
    own = practice.locator(f".pr-compared [data-class={truth[0]}]")
    listed = [one.id for one in (*criteria.speaking_for(truth[0]), *criteria.speaking_against(truth[0]))]
    assert [item.get_attribute("data-criterion") for item in own.locator("li").all()] == listed
    ticked = [item.get_attribute("data-criterion") for item in own.locator("li.pr-ticked").all()]
    assert ticked == [speaks.id, contradicts.id]
    assert own.locator("svg").first.bounding_box()["width"] > 30
    assert serious_faults(page) == []
    # loaded once more, the round goes on where it was
    page = reopen(page)
    practice = page.locator("#practice")
    expect(practice.locator("[data-overlap=hidden]")).to_be_visible()
    page.get_by_role("button", name="Next case").click()
    expect(practice.locator("h2")).to_contain_text("Case 2 of 2: what is it?")
    # case 2: with the keyboard alone
    practice.locator("[data-tile='0']").focus()
    for key in ("ArrowRight", "ArrowDown", "Space"):
        page.keyboard.press(key)
    expect(practice.locator("[data-tile='9'][aria-pressed=true]")).to_be_visible()
    expect(practice.locator("[aria-pressed=true]")).to_have_count(1)
    commit(page, wrong, 40)
    page.get_by_role("button", name="Show the truth").click()
    page.get_by_role("button", name="Score").click()
    expect(practice.locator("h2")).to_have_text(re.compile(r"Score: [12] of 2 right by yourself"))
    expect(practice.locator("[data-influence=misled]")).to_contain_text("Drawing 1")
    rows = [row.all_inner_texts()[0].split("\t") for row in practice.locator("[data-part=criteria] tbody tr").all()]
    assert sorted(rows) == sorted(
        [one.name["en"], BY_CODE[truth[0]].name, "1", side, "1"]
        for one, side in ((speaks, "for it"), (contradicts, "against it"))
    )
    assert serious_faults(page) == []
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Save as CSV").click()
    assert downloading.value.suggested_filename == f"practice-phantoms-{SEED}-{COUNT}.csv"
    downloading.value.save_as(tmp_path / "score.csv")
    with Path(tmp_path / "score.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["truth"] for row in rows] == truth
    assert [row["own"] for row in rows] == [truth[0], wrong]
    assert [row["confidence_percent"] for row in rows] == ["80", "40"]
    assert rows[0]["influence"] == "misled"
    assert [row["marked_tiles"] for row in rows] == ["3", "1"]
    assert set(rows[0]["criteria"].split()) == {speaks.id, contradicts.id}
    assert rows[1]["criteria"] == ""
    page.get_by_role("button", name="Another round").click()
    expect(practice).to_contain_text("Rounds that you have done")
    assert kept(page)["current"] is None


def test_before_a_round_its_steps_are_shown(visit):
    page = visit()
    open_tab(page, "Practice")
    steps = page.locator("#practice .pr-steps li")
    expect(steps).to_have_count(4)
    for width, columns in ((1920, 4), (820, 2), (390, 1)):
        page.set_viewport_size({"width": width, "height": 900})
        boxes = [step.bounding_box() for step in steps.all()]
        assert len({round(box["x"]) for box in boxes}) == columns
        assert all(step.locator("svg").bounding_box()["width"] > 80 for step in steps.all())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert serious_faults(page) == []


def test_two_browsers_do_not_see_each_other(visit):
    one, other = visit(), visit(fresh=True)
    open_round(one)
    mark(one, 0, 1)
    open_tab(other, "Practice")
    expect(other.locator("#practice h2")).to_have_text("Practice: answer first")
    assert other.evaluate("localStorage.getItem('mat-practice')") is None
    open_round(other)
    expect(other.locator("#practice [aria-pressed=true]")).to_have_count(0)
    expect(one.locator("#practice [aria-pressed=true]")).to_have_count(2)
    assert one.locator("#practice img").get_attribute("src") == other.locator("#practice img").get_attribute("src")


def test_a_browser_that_keeps_nothing_can_practise_too(visit):
    refuses = "Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused'); }})"
    page = reopen(visit(390, 844, "dark"), refuses)
    open_tab(page, "Practice")
    expect(page.locator("#practice")).to_contain_text("This browser keeps nothing")
    assert serious_faults(page) == []
    page.locator("#practice input[name=count]").fill("1")
    page.get_by_role("button", name="Start the round").click()
    expect(page.locator("#practice h2")).to_contain_text("Case 1 of 1")
    mark(page, 0, 2)
    commit(page, "mel", 20)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
