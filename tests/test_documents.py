"""What the documents type is typed here and does what it says, or says why not; what they link to is there."""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from documents import block, blocks, documents, prose

import app
from interface.library.rounds import draw_round
from mat_core import __main__ as core
from mat_core.labels import CODES

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
RAN = 15  # letters that a reason has at least


# ---------------------------------------------------------------- every block


def names_in_tests() -> set[str]:
    """Every string in the modules that take blocks of the documents."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.ImportFrom) and node.module == "documents" for node in ast.walk(tree)):
            found |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    return found


def test_every_block_is_run_or_says_why_not():
    all_of_them, known = list(blocks()), names_in_tests()
    assert len(all_of_them) > 25
    for each in all_of_them:
        assert each.mark, f"{each.at}: a block needs <!-- test: NAME --> or <!-- not run: REASON --> above it"
        if each.mark == "test":
            assert each.said in known, f"{each.at}: no test takes the block {each.said!r}"
        else:
            assert len(each.said) > RAN, f"{each.at}: why is it not run?"
            tests = re.findall(r"tests/[\w/.]+\.py", each.said)
            assert all((ROOT / test).is_file() for test in tests), f"{each.at} names {tests}"


def test_blocks_are_found_with_and_without_a_mark(tmp_path, monkeypatch):
    text = "a\n\n<!-- test: one -->\n```sh\nls\n```\n\n```text\nx\n```\n<!-- not run: it is long -->\n```\ny\n```\n"
    (tmp_path / "a.md").write_text(text)
    monkeypatch.setattr("documents.documents", lambda: [tmp_path / "a.md"])
    monkeypatch.setattr("documents.ROOT", tmp_path)
    found = [(b.at, b.language, b.text, b.mark, b.said) for b in blocks()]
    assert found == [
        ("a.md:4", "sh", "ls\n", "test", "one"),
        ("a.md:8", "text", "x\n", "", ""),
        ("a.md:12", "", "y\n", "not run", "it is long"),
    ]


# ---------------------------------------------------------------- what is typed


@pytest.fixture
def desk(tmp_path, phantom_file):
    """A folder with the lesion.jpg that the documents ask about, and how a process in it finds the project."""
    shutil.copyfile(phantom_file, tmp_path / "lesion.jpg")
    return tmp_path, {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}


def ran(desk, *command: str) -> str:
    """What the command says in this folder; it has to end well."""
    folder, env = desk
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shell(desk, script: str) -> str:
    """The same of a script in which `python` is this one."""
    return ran(desk, "sh", "-ec", re.sub(r"^python ", f"{shlex.quote(sys.executable)} ", script, flags=re.M))


@pytest.mark.slow
def test_the_python_of_the_documents_runs_from_top_to_bottom(desk):
    code = block("from top to bottom")
    assert "Diagnoser.from_pretrained()" in code
    assert "what_if(*case).flip()" in code
    code += "\nimport json\nprint(json.dumps(diagnosis.probabilities))\n"
    found = json.loads(ran(desk, sys.executable, "-c", code).splitlines()[-1])
    assert tuple(found) == CODES
    assert sum(found.values()) == pytest.approx(1)
    assert (desk[0] / "handout.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
def test_what_the_readme_types_for_one_image_runs(desk):
    code = block("Python of the README") + "\nprint(sum(diagnosis.probabilities.values()))\n"
    assert float(ran(desk, sys.executable, "-c", code)) == pytest.approx(1)
    said = shell(desk, block("shell of the README"))
    assert "not a medical device" in said
    assert "words read: age 55 sex female" in said


@pytest.mark.slow
def test_the_commands_for_one_image_run(desk):
    assert "not a medical device" in shell(desk, block("one image"))
    assert "attention" in json.loads((desk[0] / "answer.json").read_text())


def test_the_lists_in_short_are_those_of_their_document():
    """tests/mat_core/test_batch.py runs the document's."""
    whole = re.sub(r" +#.*", "", block("lists"))
    assert [line for line in block("lists, in short").splitlines() if line not in whole] == []


def test_the_training_says_what_it_can_and_what_it_did(desk):
    assert "backbone" in shell(desk, block("help of the training"))
    assert shell(desk, block("status of the training")).startswith("nothing has been started: runs holds no run")


def test_the_usage_is_the_apps():
    said = re.findall(r"\[(--[a-z]+(?: [A-Z]+)?)\]", block("usage of the app"))
    usage = " ".join(app._parser().format_usage().split())
    assert sorted(said) == sorted(re.findall(r"\[(--[a-z]+(?: [A-Z]+)?)\]", usage))


def test_the_link_to_a_round_draws_one():
    link = block("link to a round").strip()
    seed, count, kind = re.fullmatch(r"http://127\.0\.0\.1:7860/#practice\?seed=(\d+)&n=(\d+)&of=(\w+)", link).groups()
    assert len(draw_round(kind, int(seed), int(count))) == int(count)
    assert f"`{link}`" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_without_make_the_same_is_done_as_with_it():
    typed = [each.text for each in blocks() if each.at.startswith("README.md") and "-m venv" in each.text]
    assert len(typed) == 1
    for made in ("-m venv", "pip install -r requirements.txt", "python app.py"):
        assert made in typed[0]
        assert made in MAKEFILE


def test_the_test_command_of_the_readme_is_what_ci_runs():
    (typed,) = (each.text for each in blocks() if each.at.startswith("README.md") and "make test" in each.text)
    assert re.search(r"^make test\b", typed, re.M)
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().endswith("\nmake test")


def typed(command: str) -> list[tuple[str, str]]:
    """Where a document says that `command` is typed, and the rest of that line; of `make`, where it is code."""
    found = []
    for path in documents():
        code = [each.text for each in blocks() if each.at.startswith(f"{path.relative_to(ROOT).as_posix()}:")]
        code += re.findall(r"`([^`\n]+)`", prose(path))
        for line in "\n".join(code).replace("\\\n", " ").splitlines():
            found += [(path.name, rest) for rest in re.findall(rf"(?:^|[\s/]){command}\b([^#|&>]*)", line)]
    return found


def test_make_knows_what_it_is_asked_for():
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.M))
    asked = [(name, rest.split()[0]) for name, rest in typed("make") if rest.split()]
    assert {"app", "test", "space", "pictures"} <= {target for _, target in asked}
    assert [(name, target) for name, target in asked if target not in targets] == []


@pytest.mark.parametrize(("command", "parser"), [("python app.py", app._parser), ("python -m mat_core", core._parser)])
def test_options_that_are_typed_exist(command, parser):
    made = parser()
    choices = [action.choices.values() for action in made._actions if isinstance(action.choices, dict)]
    flags = {
        flag for each in (made, *(sub for subs in choices for sub in subs)) for flag in each._option_string_actions
    }
    said = typed(re.escape(command))
    assert len(said) > 3
    for name, rest in said:
        wrong = set(re.findall(r"--[a-z-]+", rest)) - flags
        assert not wrong, f"{name}: {command}{rest} has {wrong}"


# ---------------------------------------------------------------- links


def slugs(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#{1,6} (.+)$", prose(path), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", [*documents(), ROOT / "CHANGELOG.md"], ids=lambda path: path.name)
def test_what_a_document_links_to_is_there(path):
    text = re.sub(r"`[^`\n]*`", "", prose(path))
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset|href)="([^"]+)"', text)
    for link in links:
        if re.match(r"(https|mailto):", link):
            continue
        assert not link.startswith(("http:", "/")), f"{path.name} links to {link}"
        file, _, anchor = link.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.is_relative_to(ROOT), f"{path.name} links to {link}, outside the project"
        assert there.exists(), f"{path.name} links to {link}, which is not there"
        if anchor:
            assert anchor in slugs(there), f"{path.name} links to {link}: there is no such heading"
