"""The endpoints as programs use them: every one of them, the snippets of docs/API.md, and one answer whoever asks."""

import asyncio
import base64
import json
import math
import re
import shutil
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from browsing import PATIENCE, upload
from conftest import ROOT, app_process
from documents import block
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from papers import pages, words
from playwright.sync_api import expect

from interface.programs.mcp import offer_tools
from mat_core import DISCLAIMER, Metadata, UserError, exploration
from mat_core.images import load_image
from mat_core.labels import CODES

pytestmark = pytest.mark.slow
CASE = {"age": 55, "sex": "female", "localization": "back"}
LIVES = 10
DOCUMENT = (ROOT / "docs" / "API.md").read_text(encoding="utf-8")
needs_mcp = pytest.mark.skipif(find_spec("mcp") is None, reason="package mcp is not installed: requirements-dev.txt")
ON_THE_CASE = (
    "diagnose", "attention", "explore", "walk_through", "figure", "heatmap", "ablate", "take_away", "occlude",
    "contributions", "similarity", "agree", "relevance", "what_if", "doubt", "compare", "leak", "handout", "worksheet",
)  # fmt: skip
OTHERS = ("regions", "words", "operating_point", "list_examples", "diagnose_example", "model_card")


@pytest.fixture(scope="module")
def client(app_url) -> Client:
    return Client(app_url, verbose=False)


@pytest.fixture(scope="module")
def ask(client, phantom_file):
    """ask(endpoint, **changes): the answer on one case."""

    def ask(name: str, **changes):
        return client.predict(**{"image": handle_file(phantom_file), **CASE, **changes}, api_name=f"/{name}")

    return ask


@pytest.fixture(scope="module")
def expected(tiny_diagnoser, phantom_file):
    return tiny_diagnoser(phantom_file, Metadata(**CASE))


# ---------------------------------------------------------------- what there is


def test_every_action_has_a_named_endpoint_with_types_and_meanings(client):
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(named) == {f"/{name}" for name in ON_THE_CASE + OTHERS}
    for name, endpoint in named.items():
        assert len(endpoint["description"]) > 30, name
        assert all(p["parameter_name"] and p["python_type"]["type"] for p in endpoint["parameters"]), name
        assert f"`{name}`" in DOCUMENT
    for name in ON_THE_CASE:
        first = [p["parameter_name"] for p in named[f"/{name}"]["parameters"]][:4]
        assert first == ["image", "age", "sex", "localization"], name
        assert [p["parameter_has_default"] for p in named[f"/{name}"]["parameters"]][1:4] == [True, True, True]


def test_attention_is_the_command_lines_json(ask, expected):
    assert ask("attention") == expected.to_dict(attention=True)


def test_regions_need_no_metadata(client, phantom_file, expected):
    answer = client.predict(image=handle_file(phantom_file), api_name="/regions")
    assert answer["regions"] == expected.to_dict()["regions"]
    assert answer["image_size"] == {"width": 400, "height": 300}


def test_words_are_those_that_are_read(client):
    answer = client.predict(age=55, sex="unknown", localization="lower extremity", api_name="/words")
    assert answer["words"] == ["age", "55", "localization", "lower", "extremity"]
    assert answer["word_fields"] == ["age", "age", *["localization"] * 3]


def test_the_explorers_payload_reads_back(ask, expected):
    read = exploration.from_payload(ask("explore"))
    assert read.attention.words_to_regions == pytest.approx(expected.attention.words_to_regions, abs=2e-5)
    assert read.boxes == pytest.approx(expected.regions.boxes, abs=0.01)


def test_a_weight_is_taken_apart(ask, expected):
    answer = ask("walk_through", head=2, query=3, key=1)
    assert answer["weights"][1] == pytest.approx(expected.attention.words_to_regions[0, 2, 3, 1], abs=1e-5)
    assert sum(answer["weights"]) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", ["figure", "heatmap"])
def test_a_picture_is_a_png_that_changes_with_the_head(ask, name):
    pictures = [ask(name, head=head)["png"] for head in (None, 1)]
    images = [load_image(base64.b64decode(png.removeprefix("data:image/png;base64,"))) for png in pictures]
    assert min(images[0].shape[:2]) > 200
    assert pictures[0] != pictures[1]


def test_a_handout_is_a_page_about_the_case(ask, expected):
    answer = ask("handout", title="Case 7", source="our clinic", label="df")
    said = words(base64.b64decode(answer["pdf"].removeprefix("data:application/pdf;base64,")))
    for text in ("Case 7", "our clinic", "55 years, female, site back", "Hiding parts: not asked.", DISCLAIMER):
        assert text in said
    assert f"{max(expected.probabilities.values()):.1%}" in said
    answer = ask("handout", format="png", ask=True)
    assert load_image(base64.b64decode(answer["png"].removeprefix("data:image/png;base64,"))).shape == (1753, 1240, 3)


def test_a_worksheet_asks_first_and_answers_on_its_second_page(ask, expected):
    answer = ask("worksheet", title="Case 7", truth="a nevus", questions="Is it even? | yes or no | It is not.\nAnd?")
    first, second = pages(base64.b64decode(answer["pdf"].removeprefix("data:application/pdf;base64,")))
    assert "Is it even? yes or no And?" in first
    for text in ("a nevus", "1. Is it even? It is not. 2. And?", f"{max(expected.probabilities.values()):.1%}"):
        assert text in second
        assert text not in first


def test_a_lessons_worksheet_needs_no_image(client):
    answer = client.predict(lesson="what-it-reads", api_name="/worksheet")
    first, second = pages(base64.b64decode(answer["pdf"].removeprefix("data:application/pdf;base64,")))
    assert "How many words does the model read of this patient? Your number" in first
    assert "How many words does the model read of this patient? What to expect: 7" in second
    assert answer["disclaimer"] == DISCLAIMER


def test_the_questions_are_answered_about_this_case(ask, expected):
    p = pytest.approx(list(expected.probabilities.values()), abs=1e-5)
    answers = {name: ask(name) for name in ("ablate", "agree", "what_if", "doubt", "compare", "relevance")}
    ablation = answers["ablate"]
    assert ablation["probabilities"] == p
    top = CODES.index(ablation["label"])
    lost = [ablation["probabilities"][top] - row[top] for row in ablation["without_region"]]
    assert ablation["effect"] == pytest.approx(lost)
    assert set(ablation["without_field"]) == set(CASE)
    assert answers["agree"]["deletion"]["attention"][0] == pytest.approx(max(expected.probabilities.values()), abs=1e-5)
    sweep = answers["what_if"]
    own = sweep["at_own_age"][sweep["sexes"].index("female")][sweep["sites"].index("back")]
    assert own == p
    assert answers["doubt"]["views"][0] == p
    assert (len(answers["doubt"]["views"]), answers["compare"]["probabilities"]) == (8, [p])
    assert len(answers["relevance"]["regions"]) == len(expected.regions)
    for name in ("ablate", "agree", "what_if", "doubt", "compare"):
        assert answers[name]["sentence"].endswith("."), name
    assert ask("ablate", label="df")["label"] == "df"


def test_what_is_hidden_and_taken_away_is_weighed(ask, expected):
    p = list(expected.probabilities.values())
    hidden = ask("occlude", boxes="0 0 40 30; 10, 10, 60, 60.5", label="mel")
    assert hidden["probabilities"] == pytest.approx(p, abs=1e-5)
    assert hidden["effect"] == pytest.approx(
        [p[CODES.index("mel")] - hidden["hidden"][0][CODES.index("mel")]], abs=1e-5
    )
    assert (hidden["kind"], len(hidden["hidden"])) == ("painted", 1)
    kinds = ask("occlude", parts="kinds")
    assert len(kinds["hidden"]) == len(kinds["names"]) > 0
    groups = ask("take_away")
    assert "everything but" in groups["sentence"]
    assert len(groups["without"]) == len(groups["names"]) == len(groups["sizes"])
    sums = ask("contributions", label="bcc", other="nv")
    for side in ("regions", "words"):
        total = [sum(column) + c for column, c in zip(zip(*sums[side], strict=True), sums["constant"], strict=True)]
        assert total == pytest.approx(sums["logits"], abs=1e-5)
    margin = sums["margin"]
    assert sum(margin["regions"]) + margin["constant"] == pytest.approx(margin["total"], abs=1e-5)
    odds = p[CODES.index("bcc")] / p[CODES.index("nv")]
    assert margin["total"] == pytest.approx(math.log(odds), abs=1e-4)
    alike = ask("similarity")
    assert alike["stages"][:2] == ["detector", "embedding"]
    assert all(-1 <= cosine <= 1 for cosine in alike["cosine"])


def test_examples_are_listed_and_diagnosed(client):
    listed = client.predict(api_name="/list_examples")
    assert {case["diagnosis"] for case in listed} == set(CODES)
    assert all(case["synthetic"] for case in listed)
    answers = [client.predict(number=n, api_name="/diagnose_example") for n in (0, 1)]
    assert str(listed[1]["age"]) in answers[1]["words"]
    assert answers[0]["probabilities"] != answers[1]["probabilities"]


def test_the_model_card_says_what_it_is(client, tiny_diagnoser):
    card = client.predict(api_name="/model_card")
    assert card["name"] == tiny_diagnoser.bundle.name
    assert [label["code"] for label in card["labels"]] == list(CODES)
    assert (card["heads"], card["regions"], card["disclaimer"]) == (4, 40, DISCLAIMER)


@pytest.mark.parametrize(
    ("name", "wrong", "says"),
    [
        ("attention", {"image": None}, "Give an image"),
        ("ablate", {"label": "melanoma"}, "bcc, df, mel"),
        ("occlude", {"parts": "tiles"}, "grid, regions, kinds"),
        ("occlude", {"fill": "snow"}, "skin, blur, mean"),
        ("occlude", {"boxes": "a b c d"}, "1 to 100 times"),
        ("occlude", {"boxes": "0 0 5; 1"}, "1 to 100 times"),
        ("occlude", {"boxes": "0 0 5 1e9"}, "pixels of the image"),
        ("contributions", {"label": "mel", "other": "mel"}, "another class"),
        ("handout", {"format": "docx"}, "pdf, png"),
        ("handout", {"label": "melanoma"}, "bcc, df, mel"),
        ("handout", {"title": "a" * 601}, "at most 600 characters"),
        ("handout", {"title": None}, "at most 600 characters"),
        ("worksheet", {"questions": "?\n" * 7}, "1 to 6 questions"),
        ("worksheet", {"questions": "a|b|c|d"}, "1 to 6 questions"),
        ("worksheet", {"lesson": "heads"}, "A lesson brings its own case"),
        ("worksheet", {"truth": 5 * "word " * 200}, "at most 600 characters"),
        ("agree", {"localization": "elbow"}, "lower extremity"),
        ("walk_through", {"direction": "words_to_men"}, "no attention"),
        ("walk_through", {"head": 4}, "from 0 to 3"),
        ("walk_through", {"head": 0.5}, "whole number"),
        ("heatmap", {"direction": "words_to_men"}, "regions_to_words"),
        ("figure", {"k": 0}, "from 1 to 40"),
        ("figure", {"head": "two"}, "from 0 to 3"),
        ("leak", {}, "never told dx_type"),
    ],
)
def test_mistakes_get_a_sentence(ask, name, wrong, says):
    with pytest.raises(AppError, match=says) as caught:
        ask(name, **wrong)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "wrong", "says"),
    [
        ("diagnose_example", {"number": 7}, "from 0 to 6"),
        ("operating_point", {"threshold": 2}, "from 0 to 1"),
        ("operating_point", {}, "carries no melanoma curve"),
        ("worksheet", {}, "Give an image"),
        ("worksheet", {"lesson": "tails"}, "no lesson 'tails'; there are what-it-reads, .*thresholds"),
        ("worksheet", {"lesson": "heads", "language": "fr"}, "language must be one of en, de"),
        ("worksheet", {"lesson": "heads", "ask": True}, "give language alone"),
        ("worksheet", {"lesson": "heads", "age": 50}, "give language alone"),
    ],
)
def test_mistakes_without_an_image_get_a_sentence_too(client, name, wrong, says):
    with pytest.raises(AppError, match=says):
        client.predict(**wrong, api_name=f"/{name}")


# ---------------------------------------------------------------- the document's snippets


def snippet(name: str, url: str) -> str:
    """The block of docs/API.md that is marked so, word for word, but for the address."""
    text = block(name)
    assert text.count("http://127.0.0.1:7860") == 1
    return text.replace("http://127.0.0.1:7860", url.rstrip("/"))


@pytest.fixture(scope="module")
def lesion(phantom_file, tmp_path_factory) -> Path:
    """A folder with lesion.jpg in it, as the snippets want it."""
    folder = tmp_path_factory.mktemp("lesion")
    shutil.copy(phantom_file, folder / "lesion.jpg")  # what a file is says its content, not its name
    return folder


def run(command: list, folder: Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_documents_python_runs(app_url, lesion, expected):
    *_, first, second = run([sys.executable, "-c", snippet("gradio_client", app_url)], lesion).splitlines()
    assert float(first.split()[-1]) == max(expected.probabilities.values())
    assert second.startswith("The probability of")


def test_the_documents_worksheet_of_a_lesson_is_made(app_url, tmp_path):
    run([sys.executable, "-c", snippet("a lesson's worksheet", app_url)], tmp_path)
    first, *_ = pages((tmp_path / "heads.pdf").read_bytes())
    assert "Heads" in first
    assert "Datum:" in first


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_the_documents_curl_runs(app_url, lesion, expected):
    event, data = run(["bash", "-euc", snippet("curl", app_url)], lesion).strip().splitlines()
    assert event == "event: complete"
    assert json.loads(data.removeprefix("data: ")) == [expected.to_dict()]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_curl_gets_the_sentence_of_a_mistake(app_url, lesion):
    wrong = snippet("curl", app_url).replace(r"\"female\"", r"\"both\"")
    event, data = run(["bash", "-euc", wrong], lesion).strip().splitlines()
    assert event == "event: error"
    assert "female, male" in data


# ---------------------------------------------------------------- tools


@pytest.fixture(scope="module")
def tools_folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("mcp")


@pytest.fixture(scope="module")
def tools_url(tiny_bundle, tools_folder):
    """The address of an app that was started with --mcp, and that forgets images after LIVES seconds."""
    code = f"""import sys; from interface import session; session.FORGOTTEN_AFTER, session.SWEPT_EVERY = {LIVES}, 1
import app; sys.exit(app.main())"""
    args = ("--mcp", "--checkpoint", tiny_bundle)
    with app_process(*args, temporary=tools_folder, start=("-c", code)) as (url, _):
        yield url


def use_tools(url: str, use):
    """What `use(session)` gives with an MCP session of the app at `url`."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async def main():
        address = url.rstrip("/") + "/gradio_api/mcp/"
        async with streamablehttp_client(address) as (read, write, _), ClientSession(read, write) as session:
            await session.initialize()
            return await use(session)

    return asyncio.run(main())


def data_uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


@pytest.mark.parametrize("found", [None, "1.20.0", "2.3.0"])
def test_without_the_package_the_flag_says_what_to_install(monkeypatch, found):
    def version(name: str) -> str:
        if found is None:
            raise PackageNotFoundError(name)
        return found

    monkeypatch.setattr("interface.programs.mcp.version", version)
    with pytest.raises(UserError, match=re.escape("pip install 'mcp>=1.21,<2'")):
        offer_tools()


@needs_mcp
def test_every_endpoint_is_a_tool_that_says_what_an_image_is(tools_url):
    async def use(session):
        return (await session.list_tools()).tools

    tools = {tool.name: tool for tool in use_tools(tools_url, use)}
    assert set(tools) == set(ON_THE_CASE + OTHERS)
    properties = tools["diagnose"].inputSchema["properties"]
    assert "data: URI" in properties["image"]["format"]
    assert "lower extremity" in properties["localization"]["description"]
    assert "no medical device" in tools["diagnose"].description


@needs_mcp
def test_the_readmes_tool_call_runs(tools_url, lesion, expected):
    answer = run([sys.executable, "-c", snippet("mcp", tools_url)], lesion)
    assert json.loads(answer) == expected.to_dict()


@needs_mcp
def test_tools_draw_and_tell_mistakes(tools_url, phantom_file):
    image = data_uri(phantom_file)

    async def use(session):
        asked = [
            ("heatmap", {"image": image, **CASE}),
            ("handout", {"image": image, **CASE, "title": "Case 7"}),
            ("diagnose", {"image": image, "sex": "both"}),
            ("diagnose", {"image": "data:image/png;base64,AAAA"}),
            ("diagnose", {"image": "/etc/hostname"}),
        ]
        return [await session.call_tool(*one) for one in asked]

    picture, paper, *wrong = use_tools(tools_url, use)
    assert "Case 7" in words(base64.b64decode(paper.content[0].resource.blob))
    assert load_image(base64.b64decode(picture.content[0].data)).shape[2] == 3
    told = [answer.content[0].text for answer in wrong]
    assert all(answer.isError for answer in wrong)
    for text, says in zip(told, ("female, male", "not an image file", "not an address"), strict=True):
        assert says in text
        assert "Traceback" not in text


@needs_mcp
def test_a_tool_fetches_no_address(tools_url):
    asked = []

    class Trap(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815

    trap = HTTPServer(("127.0.0.1", 0), Trap)
    threading.Thread(target=trap.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{trap.server_port}/lesion.jpg"
    answer = use_tools(tools_url, lambda session: session.call_tool("diagnose", {"image": address}))
    trap.shutdown()
    assert "not an address" in answer.content[0].text
    assert asked == []


@needs_mcp
def test_a_tool_takes_what_was_uploaded_before(tools_url, phantom_file, expected):
    with phantom_file.open("rb") as file:
        path = httpx.post(f"{tools_url}gradio_api/upload", files={"files": file}).json()[0]

    async def use(session):
        return [
            await session.call_tool("diagnose", {"image": image, **CASE})
            for image in (f"{tools_url}gradio_api/file={path}", path, path.replace("phantom", "another"))
        ]

    *good, wrong = use_tools(tools_url, use)
    assert [json.loads(answer.content[0].text) for answer in good] == [expected.to_dict()] * 2
    assert wrong.isError


@needs_mcp
def test_nothing_that_a_program_sent_outlives_its_time(tools_url, tools_folder, phantom_file, tmp_path):
    """All ways of sending an image, each with one of its own; the app forgets after LIVES seconds here."""
    files = [tmp_path / f"{way}.png" for way in ("client", "upload", "tool")]
    for file in files:
        file.write_bytes(phantom_file.read_bytes() + file.stem.encode())  # bytes behind the end of a PNG are ignored
    Client(tools_url, verbose=False).predict(image=handle_file(files[0]), api_name="/diagnose")
    with files[1].open("rb") as file:
        httpx.post(f"{tools_url}gradio_api/upload", files={"files": file})
    use_tools(tools_url, lambda session: session.call_tool("diagnose", {"image": data_uri(files[2])}))

    def kept() -> set[bytes]:
        ends = {path.read_bytes()[-6:] for path in tools_folder.rglob("*") if path.is_file()}
        return {file.read_bytes()[-6:] for file in files} & ends

    assert len(kept()) == 3, "the test looks in the wrong place"
    deadline = time.monotonic() + LIVES + 30
    while kept() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert kept() == set()


# ---------------------------------------------------------------- one case, one answer


def test_client_tool_and_command_line_give_the_same_to_the_last_bit(ask, tiny_bundle, phantom_file, expected, request):
    args = [x for name, value in CASE.items() for x in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "mat_core", "diagnose", phantom_file, *args, "--checkpoint", tiny_bundle, "--json"]
    assert json.loads(run(command, ROOT)) == ask("diagnose") == expected.to_dict()
    if find_spec("mcp") is None:
        pytest.skip("package mcp is not installed: client and command line agree, the tool was left out")
    url, image = request.getfixturevalue("tools_url"), data_uri(phantom_file)
    answer = use_tools(url, lambda session: session.call_tool("diagnose", {"image": image, **CASE}))
    assert json.loads(answer.content[0].text) == expected.to_dict()


@pytest.mark.browser
def test_the_page_gives_the_same_to_the_last_bit(browser, app_url, phantom_file, expected):
    with browser.new_page() as page:
        page.set_default_timeout(PATIENCE)
        page.goto(app_url)
        expect(page.locator("#answer .bars li")).to_have_count(7, timeout=PATIENCE)
        page.wait_for_function("document.querySelector('#strip [data-case]')?.dataset.case")
        upload(page, phantom_file)
        expect(page.locator("#words .chip")).to_have_count(0)  # another image: nothing is known of the patient
        page.locator("#age input").fill(str(CASE["age"]))
        page.locator("#sex").get_by_label(CASE["sex"], exact=True).check()
        page.locator("#localization input").click()
        page.get_by_role("option", name=CASE["localization"], exact=True).click()
        words = [word.text for word in expected.words]
        expect(page.locator("#words .chip")).to_have_text(words, timeout=PATIENCE)
        page.locator("#diagnose").click()
        expect(page.locator("#answer .note-info")).to_have_count(0, timeout=PATIENCE)
        rows = page.locator("#answer .bars li").all()
        shown = {row.get_attribute("data-code"): float(row.get_attribute("data-probability")) for row in rows}
        expect(page.locator("#words .chip")).to_have_text(words)
    assert shown == expected.probabilities
