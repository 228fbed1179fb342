"""The criteria: complete, sourced and drawn; a wrong file is refused by name."""

from xml.etree import ElementTree

import pytest
import yaml
from conftest import ROOT

from mat_core import DataError
from mat_core.data.labels import CODES
from teaching.criteria import read_criteria
from teaching.criteria_drawings import DRAWINGS, drawing, sprite
from teaching.paths import CRITERIA_FILE
from teaching.translations import language_codes

CRITERIA = read_criteria()


@pytest.mark.parametrize("code", CODES)
def test_every_class_has_criteria_for_and_against(code):
    assert CRITERIA.speaking_for(code)
    assert CRITERIA.speaking_against(code)
    assert all(one not in CRITERIA.speaking_against(code) for one in CRITERIA.speaking_for(code))


@pytest.mark.parametrize(
    ("document", "said"), [("README.md", "dermoscopic **criteria**"), ("docs/CLASS.md", "criteria,")]
)
def test_documents_have_their_number(document, said):
    assert f" {len(CRITERIA.criteria)} {said}" in (ROOT / document).read_text(encoding="utf-8")


def test_every_criterion_has_a_source_a_drawing_and_both_languages():
    assert [one.id for one in CRITERIA.criteria if one.id not in DRAWINGS] == []
    assert DRAWINGS.keys() == {one.id for one in CRITERIA.criteria}
    for one in CRITERIA.criteria:
        assert one.sources
        assert one.name.keys() == one.definition.keys() == set(language_codes())
    assert {key for one in CRITERIA.criteria for key in one.sources} == CRITERIA.sources.keys()


@pytest.mark.parametrize("id", DRAWINGS)
def test_a_drawing_is_an_svg_of_its_own(id):
    symbol = ElementTree.fromstring(drawing(id))
    assert (symbol.tag, symbol.get("id")) == ("symbol", f"criterion-{id}")
    assert len(list(symbol.iter())) > 4  # more than the disc
    assert drawing(id) == drawing.__wrapped__(id)  # the same in every process
    assert len(drawing(id)) < 8000


def test_the_sprite_has_every_drawing_and_what_they_refer_to():
    root = ElementTree.fromstring(sprite())
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(set(ids)) == len(ids)
    assert {f"criterion-{id}" for id in DRAWINGS} <= set(ids)
    used = {value[5:-1] for element in root.iter() for value in element.attrib.values() if value.startswith("url(#")}
    assert used <= set(ids)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["criteria"][0].update(group="shape"), r"criteria\.symmetry\.group: .*'pattern'.*; got 'shape'"),
        (lambda d: d["criteria"][0].update(against=["mole"]), r"criteria\.symmetry\.against.*'bcc'.*; got 'mole'"),
        (lambda d: d["criteria"][0].update(against=["nv"]), "nv, which is in `for` as well"),
        (lambda d: d["criteria"][0].update(sources=[]), r"criteria\.symmetry\.sources: .*at least 1"),
        (lambda d: d["criteria"][0].update(sources=["nobody"]), "symmetry names the source nobody; there are"),
        (lambda d: d["criteria"][0].update(color="red"), r"criteria\.symmetry\.color: "),
        (lambda d: d["criteria"][0].pop("definition"), r"criteria\.symmetry\.definition: .*required"),
        (lambda d: d["criteria"][0]["name"].pop("en"), r"criteria\.symmetry\.name: needs an English text"),
        (lambda d: d["criteria"][0].update(id="nothing"), r"criteria\.nothing\.id: has no drawing"),
        (lambda d: d["criteria"].append(d["criteria"][0]), "symmetry stands twice"),
        (lambda d: d["criteria"].remove(next(one for one in d["criteria"] if one["id"] == "lacunae")), "vasc needs a"),
        (lambda d: d["sources"]["tada"].update(doi="dpc.0702a09"), r"sources\.tada\.doi: .*; got 'dpc.0702a09'"),
        (lambda d: d["sources"]["tada"].update(year=17), r"sources\.tada\.year: .*; got 17"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_its_place(tmp_path, change, said):
    data = yaml.safe_load(CRITERIA_FILE.read_text(encoding="utf-8"))
    change(data)
    file = tmp_path / "criteria.yaml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(DataError, match=said) as error:
        read_criteria(file)
    assert str(error.value).startswith("criteria.yaml: ")


@pytest.mark.parametrize("text", ["criteria: [", "- a\n- b", ""])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, text):
    file = tmp_path / "criteria.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"criteria\.yaml"):
        read_criteria(file)
