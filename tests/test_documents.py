"""Documents: every code block is run by a test or says why not, and what is typed exists."""

import ast
import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from documents import block, blocks, documents, prose

import app
from mat_core import Diagnoser, Metadata
from mat_core import __main__ as core
from mat_core.data.labels import CODES
from mat_core.inference.case_index import CaseIndex, IndexedCase
from teaching.cases.practice_rounds import draw_round
from training import __main__ as training

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_block_is_run_or_says_why_not():
    names = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        if "from documents import" in text:
            names |= {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)}
    found = list(blocks())
    assert len(found) > 25
    for each in found:
        assert each.mark, f"{each.at}: a block needs <!-- test: NAME --> or <!-- not run: REASON --> above it"
        assert each.mark == "not run" or each.note in names, f"{each.at}: no test runs the block {each.note!r}"
        for test in re.findall(r"tests/[\w/.]+\.py", each.note):
            assert (ROOT / test).is_file(), f"{each.at}: {test} does not exist"


# ---------------------------------------------------------------- blocks that are run here


@pytest.fixture
def workdir(tmp_path, phantom_file, tiny_diagnoser, monkeypatch) -> Path:
    """The working directory, with the lesion.jpg of the documents; the default bundle: the tiny one, indexed."""
    shutil.copyfile(phantom_file, tmp_path / "lesion.jpg")
    monkeypatch.chdir(tmp_path)
    vectors = np.random.default_rng(0).normal(size=(20, tiny_diagnoser.bundle.network.config.d)).astype(np.float32)
    cases = [IndexedCase(f"ISIC_{i:07d}", CODES[i % 7], Metadata()) for i in range(20)]
    index = CaseIndex.fit(vectors, cases, 8)
    monkeypatch.setattr(
        Diagnoser, "from_pretrained", lambda *_: Diagnoser(replace(tiny_diagnoser.bundle, case_index=index))
    )
    return tmp_path


@pytest.fixture
def shell(workdir, capsys):
    """A function that runs the commands of a block in this process and returns their output."""
    mains = {"mat_core": core.main, "training": training.main}

    def run(script: str) -> str:
        output = ""
        for line in script.splitlines():
            command, _, file = line.partition(" > ")
            python, option, module, *arguments = shlex.split(command, comments=True)
            assert (python, option) == ("python", "-m")
            try:
                status = mains[module](arguments)
            except SystemExit as end:  # --help
                status = end.code
            text = capsys.readouterr().out
            assert not status, text
            if file:
                (workdir / file).write_text(text, encoding="utf-8")
            output += text
        return output

    return run


@pytest.mark.slow
def test_the_python_of_the_documents_runs(workdir):
    code = block("from top to bottom")
    assert "Diagnoser.from_pretrained()" in code
    assert "metadata_sweep(*case).smallest_counterfactual()" in code
    names = {}
    exec(code, names)
    assert tuple(names["diagnosis"].probabilities) == CODES
    assert sum(names["diagnosis"].probabilities.values()) == pytest.approx(1)
    assert (workdir / "handout.pdf").read_bytes().startswith(b"%PDF")


def test_the_readme_diagnoses_an_image(workdir, shell):
    names = {}
    exec(block("Python of the README"), names)
    assert sum(names["diagnosis"].probabilities.values()) == pytest.approx(1)
    output = shell(block("shell of the README"))
    assert "not a medical device" in output
    assert "words read: age 55 sex female" in output


def test_the_commands_for_one_image_run(workdir, shell):
    assert "not a medical device" in shell(block("one image"))
    assert "attention" in json.loads((workdir / "answer.json").read_text())


def test_the_short_block_on_lists_is_part_of_the_long_one():
    """tests/mat_core/test_batch.py runs the long one."""
    whole = re.sub(r" +#.*", "", block("lists"))
    assert [line for line in block("lists, in short").splitlines() if line not in whole] == []


def test_help_and_status_of_the_training(shell):
    assert "backbone" in shell(block("help of the training"))
    assert shell(block("status of the training")).startswith("nothing has been started: runs holds no run")


def test_the_usage_is_the_apps():
    options = re.findall(r"\[(--[a-z]+(?: [A-Z]+)?)\]", block("usage of the app"))
    usage = " ".join(app._parser().format_usage().split())
    assert sorted(options) == sorted(re.findall(r"\[(--[a-z]+(?: [A-Z]+)?)\]", usage))


def test_the_link_to_a_round_is_valid():
    link = block("link to a round").strip()
    seed, count, kind = re.fullmatch(r"http://127\.0\.0\.1:7860/#practice\?seed=(\d+)&n=(\d+)&of=(\w+)", link).groups()
    assert len(draw_round(kind, int(seed), int(count))) == int(count)
    assert f"`{link}`" in (ROOT / "README.md").read_text(encoding="utf-8")


# ---------------------------------------------------------------- what is typed exists


def arguments_of(command: str) -> list[tuple[str, str]]:
    """Document and arguments wherever `command` is typed in a block or in inline code."""
    found = []
    for path in documents():
        code = [each.text for each in blocks() if each.at.startswith(f"{path.relative_to(ROOT).as_posix()}:")]
        code += re.findall(r"`([^`\n]+)`", prose(path))
        for line in "\n".join(code).replace("\\\n", " ").splitlines():
            found += [(path.name, rest) for rest in re.findall(rf"(?:^|[\s/]){command}\b([^#|&>]*)", line)]
    return found


def test_targets_of_make_exist():
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.M))
    typed = {(name, rest.split()[0]) for name, rest in arguments_of("make") if rest.split()}
    assert {"app", "test", "space", "pictures"} <= {target for _, target in typed}
    assert [(name, target) for name, target in typed if target not in targets] == []


@pytest.mark.parametrize(("command", "parser"), [("python app.py", app._parser), ("python -m mat_core", core._parser)])
def test_options_exist(command, parser):
    parsers = [parser()]
    for action in parsers[0]._actions:
        parsers += action.choices.values() if isinstance(action.choices, dict) else ()
    known = {option for each in parsers for option in each._option_string_actions}
    typed = arguments_of(re.escape(command))
    assert len(typed) > 3
    for name, rest in typed:
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, f"{name}: {command}{rest}"
