"""The endpoints as programs use them: every one of them, the snippets of docs/API.md, and one answer whoever asks."""

import base64
import json
import math
import re
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import httpx
import pytest
from browser_helpers import upload, wait_for_answer
from conftest import ROOT, make_app, served
from documents import block
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from hostile_inputs import META
from mcp_session import HAS_MCP, needs_mcp, use_tools
from pdf_text import pages, words
from playwright.sync_api import expect

from interface.api.mcp import install_mcp_server
from interface.state import explorer_payload as exploration
from mat_core import DISCLAIMER, Metadata, UserError
from mat_core import __main__ as core
from mat_core.data.image_loading import load_image
from mat_core.data.labels import CODES

pytestmark = pytest.mark.slow
CASE = {"age": 55, "sex": "female", "localization": "back"}
DOCUMENT = (ROOT / "docs" / "API.md").read_text(encoding="utf-8")
ON_THE_CASE = (
    "diagnose", "attention", "explore", "walk_through", "figure", "heatmap", "ablate", "take_away", "occlude",
    "contributions", "similarity", "agree", "relevance", "what_if", "doubt", "compare", "leak", "similar_cases",
    "stages", "handout", "worksheet",
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
    for text in ("Case 7", "our clinic", "55 years, female, site back", "Occlusion: not computed.", DISCLAIMER):
        assert text in said
    assert f"{max(expected.probabilities.values()):.1%}" in said
    answer = ask("handout", ask=True)
    said = words(base64.b64decode(answer["pdf"].removeprefix("data:application/pdf;base64,")))
    assert "not computed" not in said


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
        ("diagnose", {"age": 121}, "0 to 120"),
        ("diagnose", {"age": 55.5}, "0 to 120"),
        ("diagnose", {"age": "old"}, "0 to 120"),
        ("diagnose", {"sex": "both"}, "female, male"),
        ("diagnose", {"localization": "elbow"}, "lower extremity"),
        ("diagnose", {"image": {"path": "https://example.org/x.png", "meta": META}}, "not an address"),
        ("diagnose", {"image": {"path": "/etc/hostname", "meta": META}}, "not an image file"),
        ("attention", {"image": None}, "Give an image"),
        ("ablate", {"label": "melanoma"}, "bcc, df, mel"),
        ("occlude", {"parts": "tiles"}, "grid, regions, kinds"),
        ("occlude", {"fill": "snow"}, "skin, blur, mean"),
        ("occlude", {"boxes": "a b c d"}, "1 to 100 times"),
        ("occlude", {"boxes": "0 0 5; 1"}, "1 to 100 times"),
        ("occlude", {"boxes": "0 0 5 1e9"}, "pixels of the image"),
        ("contributions", {"label": "mel", "other": "mel"}, "another class"),
        ("handout", {"label": "melanoma"}, "bcc, df, mel"),
        ("handout", {"title": "a" * 601}, "at most 600 characters"),
        ("handout", {"title": None}, "at most 600 characters"),
        ("worksheet", {"questions": "?\n" * 7}, "1 to 6 questions"),
        ("worksheet", {"questions": "a|b|c|d"}, "1 to 6 questions"),
        ("worksheet", {"lesson": "heads"}, "A lesson brings its own case"),
        ("worksheet", {"truth": 5 * "word " * 200}, "at most 600 characters"),
        ("walk_through", {"direction": "words_to_men"}, "no attention"),
        ("walk_through", {"head": 4}, "from 0 to 3"),
        ("walk_through", {"head": 0.5}, "whole number"),
        ("heatmap", {"direction": "words_to_men"}, "regions_to_words"),
        ("figure", {"k": 0}, "from 1 to 40"),
        ("figure", {"head": "two"}, "from 0 to 3"),
        ("leak", {}, "never told dx_type"),
    ],
)
def test_mistakes_get_an_error_message_without_a_path(ask, name, wrong, says):
    with pytest.raises(AppError, match=says) as caught:
        ask(name, **wrong)
    assert not re.search("Traceback|/etc", str(caught.value))


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
def test_mistakes_without_a_case_get_one_too(client, name, wrong, says):
    with pytest.raises(AppError, match=says):
        client.predict(**wrong, api_name=f"/{name}")


def test_a_broken_image_gets_an_error_message_without_a_path(ask, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"this is no picture")
    with pytest.raises(AppError, match="not an image file that can be read") as caught:
        ask("diagnose", image=handle_file(tmp_path / "broken.jpg"))
    assert "/" not in str(caught.value)


def test_everything_may_be_unknown(client, phantom_file):
    answer = client.predict(image=handle_file(phantom_file), api_name="/diagnose")
    assert answer["words"] == []
    assert sum(answer["probabilities"].values()) == pytest.approx(1)


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


@pytest.fixture
def run(lesion, monkeypatch, capsys):
    """A function that runs Python code beside lesion.jpg and returns what it prints."""
    monkeypatch.chdir(lesion)

    def run(code: str) -> str:
        exec(code, {"__name__": "__main__"})
        return capsys.readouterr().out

    return run


def curl(script: str, folder: Path) -> list[str]:
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, cwd=folder, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()


def test_the_documents_python_runs(app_url, run, expected):
    *_, first, second = run(snippet("gradio_client", app_url)).splitlines()
    assert float(first.split()[-1]) == max(expected.probabilities.values())
    assert second.startswith("The probability of")


def test_the_documents_worksheet_of_a_lesson_is_made(app_url, run, lesion):
    run(snippet("a lesson's worksheet", app_url))
    first, *_ = pages((lesion / "heads.pdf").read_bytes())
    assert "Köpfe" in first
    assert "Datum:" in first


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_the_documents_curl_runs_and_gets_the_message_of_a_mistake(app_url, lesion, expected):
    script = snippet("curl", app_url)
    event, data = curl(script, lesion)
    assert event == "event: complete"
    assert json.loads(data.removeprefix("data: ")) == [expected.to_dict()]
    event, data = curl(script.replace(r"\"female\"", r"\"both\""), lesion)
    assert event == "event: error"
    assert "female, male" in data


# ---------------------------------------------------------------- tools


@pytest.fixture(scope="module")
def tools_url(tiny_diagnoser, app_url, tmp_path_factory):
    """The address of an app with --mcp."""
    import gradio.mcp

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradio.mcp, "GradioMCPServer", gradio.mcp.GradioMCPServer)  # so that it is put back
        install_mcp_server()
        with served(make_app(tiny_diagnoser, tmp_path_factory.mktemp("mcp"), mcp=True)) as url:
            yield url


def data_uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


@pytest.mark.parametrize("found", [None, "1.20.0", "2.3.0"])
def test_without_the_package_the_flag_says_what_to_install(monkeypatch, found):
    def version(name: str) -> str:
        if found is None:
            raise PackageNotFoundError(name)
        return found

    monkeypatch.setattr("interface.api.mcp.version", version)
    with pytest.raises(UserError, match=re.escape("pip install 'mcp>=1.21,<2'")):
        install_mcp_server()


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
def test_the_readmes_tool_call_runs(tools_url, run, expected):
    assert json.loads(run(snippet("mcp", tools_url))) == expected.to_dict()


@needs_mcp
def test_tools_draw_and_tell_mistakes_and_fetch_no_address(tools_url, phantom_file, trap):
    image = data_uri(phantom_file)
    wrong = {
        "female, male": {"image": image, "sex": "both"},
        "not an image file": {"image": "data:image/png;base64,AAAA"},
        "not an address": {"image": "/etc/hostname"},
        "an address": {"image": f"http://{trap.address}/lesion.jpg"},
    }

    async def use(session):
        return [
            await session.call_tool("heatmap", {"image": image, **CASE}),
            await session.call_tool("handout", {"image": image, **CASE, "title": "Case 7"}),
            *[await session.call_tool("diagnose", arguments) for arguments in wrong.values()],
        ]

    picture, paper, *answers = use_tools(tools_url, use)
    assert "Case 7" in words(base64.b64decode(paper.content[0].resource.blob))
    assert load_image(base64.b64decode(picture.content[0].data)).shape[2] == 3
    for says, answer in zip(wrong, answers, strict=True):
        assert answer.isError
        assert re.search(says, answer.content[0].text)
        assert "Traceback" not in answer.content[0].text
    assert trap.asked == []


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


# ---------------------------------------------------------------- one case, one answer


def test_client_tool_and_command_line_give_the_same(ask, tiny_bundle, phantom_file, expected, request, capsys):
    args = [x for name, value in CASE.items() for x in (f"--{name}", str(value))]
    assert core.main(["diagnose", str(phantom_file), *args, "--checkpoint", str(tiny_bundle), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ask("diagnose") == expected.to_dict()
    if not HAS_MCP:
        pytest.skip("package mcp is not installed: client and command line agree, the tool was left out")
    url, image = request.getfixturevalue("tools_url"), data_uri(phantom_file)
    answer = use_tools(url, lambda session: session.call_tool("diagnose", {"image": image, **CASE}))
    assert json.loads(answer.content[0].text) == expected.to_dict()


@pytest.mark.browser
def test_the_page_gives_the_same(shared_context, app_url, phantom_file, expected):
    with shared_context.new_page() as page:
        page.goto(app_url)
        wait_for_answer(page)
        upload(page, phantom_file)
        expect(page.locator("#words .chip")).to_have_count(0)  # another image: nothing is known of the patient
        page.locator("#age input").fill(str(CASE["age"]))
        expect(page.locator("#words .chip")).to_have_count(2)
        page.locator("#sex").get_by_label(CASE["sex"], exact=True).check()
        page.locator("#localization input").click()
        page.get_by_role("option", name=CASE["localization"], exact=True).click()
        words = [word.text for word in expected.words]
        expect(page.locator("#words .chip")).to_have_text(words)
        page.locator("#diagnose").click()
        expect(page.locator("#answer .note-info")).to_have_count(0)
        rows = page.locator("#answer .bars li").all()
        shown = {row.get_attribute("data-code"): float(row.get_attribute("data-probability")) for row in rows}
        expect(page.locator("#words .chip")).to_have_text(words)
    assert shown == expected.probabilities
