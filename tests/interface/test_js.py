"""The page's JavaScript: how its modules are joined, and node's tests and eslint where they are to be had."""

import re
import shutil
from pathlib import Path

import pytest
from conftest import ROOT
from nodejs import node, ran

from interface.scripts import joined

TESTS = sorted((ROOT / "tests" / "js").glob("*.test.mjs"))
ENTRIES = {
    "explorer/explorer.js": "mountExplorer(element)",
    "hiding.js": "mountHiding(element)",
    "casebook.js": "mountCasebook(element)",
    "practice/practice.js": "mountPractice(element)",
    "page/page.js": "startPage([])",
    "lesson/lesson.js": "mountGuide(element)",
}


def written(folder: Path, **modules: str) -> Path:
    """A folder of modules; returns main.js of them."""
    for name, source in modules.items():
        (folder / f"{name}.js").write_text(source)
    return folder / "main.js"


def test_the_modules_pass_nodes_tests():
    told = ran(node(), "--test", *map(str, TESTS))
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-2000:]
    assert int(re.search(r"\bpass (\d+)", told.stdout)[1]) >= 80  # they ran indeed


def test_eslint_has_nothing_to_say():
    node()
    npx = shutil.which("npx")
    if npx is None or ran(npx, "--no-install", "eslint", "--version").returncode:
        pytest.skip("eslint is not installed: npm install --no-package-lock")
    told = ran(npx, "--no-install", "eslint", "--max-warnings", "0", ".")
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_the_page_gets_is_one_script_that_asks_for_no_other(entry):
    script = joined(ROOT / "assets" / entry, ENTRIES[entry])
    assert not re.search(r"^\s*(import|export)\b|\bimport\(|\brequire\(|\bfetch\(", script, re.M)
    # as Gradio runs it, in a function's body; here with nothing to take hold of
    told = ran(node(), "-e", "new Function('element', require('fs').readFileSync(0, 'utf-8'))", input=script)
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("entry", ["explorer/explorer.js", "practice/practice.js", "page/page.js", "lesson/lesson.js"])
def test_every_module_of_a_component_is_sent_once(entry):
    file = ROOT / "assets" / entry
    sent = re.findall(r"^modules\['([\w./-]+\.js)'\] = ", joined(file, ENTRIES[entry]), re.M)
    assert len(sent) == len(set(sent))
    own = [name for name in sent if not name.startswith("../shared/")]
    assert sorted(own) == sorted(module.name for module in file.parent.glob("*.js"))
    assert sent[-1] == file.name


@pytest.mark.parametrize("file", sorted((ROOT / "assets").rglob("*.js")), ids=lambda file: file.name)
def test_no_module_is_long(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) < 300


def test_what_is_shared_may_have_the_name_of_a_components_own(tmp_path):
    for folder in ("own", "shared"):
        (tmp_path / folder).mkdir()
    main = written(
        tmp_path / "own",
        main="import {inner} from './same.js';\nimport {outer} from '../shared/same.js';\n\n"
        "export function told(say) {\n  say(inner + outer);\n}\n",
        same="export const inner = 'own ';\n",
    )
    written(
        tmp_path / "shared",
        same="import {word} from './word.js';\n\nexport const outer = word;\n",
        word="export const word = 'shared';\n",
    )
    told = ran(node(), "-e", joined(main, "told(console.log)"))
    assert (told.returncode, told.stdout) == (0, "own shared\n"), told.stderr


def test_modules_keep_their_names_to_themselves_and_run_once(tmp_path):
    main = written(
        tmp_path,
        main="import {left} from './left.js';\nimport {\n  right,\n} from './right.js';\n\nconst own = 'main';\n"
        "export function told(say) {\n  say([left(), right, own].join(' '));\n}\n",
        left="import {right} from './right.js';\n\nconst own = 'left';\nexport const left = () => own + right;\n",
        right="let own = 0;\nown += 1;\nexport const right = own;\n",
    )
    told = ran(node(), "-e", joined(main, "told(console.log)"))
    assert told.stdout == "left1 1 main\n", told.stderr


def test_a_circle_is_told(tmp_path):
    main = written(
        tmp_path,
        main="import {a} from './a.js';\nexport const b = a;\n",
        a="import {b} from './main.js';\nexport const a = b;\n",
    )
    with pytest.raises(ValueError, match=r"in a circle: main\.js > a\.js > main\.js"):
        joined(main, "b")


@pytest.mark.parametrize(
    "line",
    [
        "import {a as b} from './a.js';", "import a from './a.js';", "import './a.js';", "import {a} from 'a';",
        "import {a} from '../a.js';", "export default 1;", "export let a = 1;", "export {a};",
        "export const {a} = b;", "export * from './a.js';",
    ],
)  # fmt: skip
def test_what_cannot_be_joined_is_refused(tmp_path, line):
    main = written(tmp_path, main=f"{line}\n", a="export const a = 1;\n")
    with pytest.raises(ValueError, match=r"main\.js: this form cannot be joined"):
        joined(main, "a")
