"""Sentences about results: in English those of mat_core, and in every language without a word of English left open."""

import re

import numpy as np
import pytest

from mat_core import ConfigError, Metadata
from mat_core.data.image_loading import load_image
from mat_core.explain import (
    ablate,
    ablation_faithfulness,
    contributions,
    metadata_sweep,
    occlude,
    refine_grid,
    similarity,
    tta_uncertainty,
)
from mat_core.explain.attention_grid import attention_on_grid
from mat_core.explain.label_leakage import LabelLeakage
from mat_core.explain.model_comparison import ModelComparison
from mat_core.explain.uncertainty import OperatingPoint, warnings_for
from mat_core.inference.out_of_distribution import OODScore
from teaching import sentences
from teaching.translations import check_language, language_codes, localize, page_text, text, translate

METADATA = Metadata(55, "female", "back")
UNSURE = {"nv": 0.4, "mel": 0.3, "bcc": 0.2, "df": 0.1}


@pytest.fixture(scope="module")
def pairs(tiny_diagnoser, phantom_file):
    """What the results of one case say here and in mat_core."""
    image = load_image(phantom_file)
    diagnosis = tiny_diagnoser(image, METADATA)
    case, label = (tiny_diagnoser, diagnosis.regions, METADATA), diagnosis.top
    grid, sweep = occlude(tiny_diagnoser, image, METADATA, (2, 2)), metadata_sweep(*case)
    finer = refine_grid(tiny_diagnoser, image, grid, label, METADATA)
    painted = occlude(tiny_diagnoser, image, METADATA, np.ones(image.shape[:2], dtype=bool))
    ablation, doubted = ablate(*case), tta_uncertainty(tiny_diagnoser, image, METADATA)
    ranked, margin = ablation_faithfulness(*case), contributions(tiny_diagnoser, diagnosis).against(label)
    alike, labels = similarity(tiny_diagnoser, diagnosis), ("mel", "nv")
    leak = LabelLeakage(labels, ("histo", "follow_up", None), np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]]))
    models = [ModelComparison(("a", "b"), labels, np.array(p)) for p in ([[0.9, 0.1], [0.2, 0.8]], [[0.9, 0.1]] * 2)]
    point = OperatingPoint(0.3, 0.91, 0.72)
    flips = [flip for flip in [sweep.smallest_counterfactual()] if flip]
    return [
        (sentences.ablation_text(ablation, label), ablation.summary(label)),
        *((sentences.occlusion_text(part, label), part.summary(label)) for part in (grid, finer, painted)),
        (sentences.sweep_text(sweep), sweep.summary()),
        *((sentences.flip_text(flip), flip.summary()) for flip in flips),
        (sentences.uncertainty_text(doubted), doubted.summary()),
        (sentences.faithfulness_text(ranked), ranked.summary()),
        (sentences.margin_text(margin), margin.summary()),
        (sentences.similarity_text(alike), alike.summary()),
        (sentences.leakage_text(leak), leak.summary()),
        *((sentences.comparison_text(one), one.summary()) for one in models),
        (sentences.operating_point_text(point), point.summary()),
        (sentences.attended_text(attention_on_grid(diagnosis, 2, 2)[1]), attention_on_grid(diagnosis, 2, 2)[1]),
    ]


def test_in_english_they_are_those_of_the_core(pairs):
    assert [(ours, theirs) for ours, theirs in pairs if ours != theirs] == []


def test_warnings_are_those_of_the_core():
    novelty = OODScore(9.0, 1.0)
    given = (UNSURE, novelty, 3)
    assert sentences.warning_texts(*given) == warnings_for(*given)
    assert len(warnings_for(*given)) == 4


@pytest.mark.parametrize("code", [code for code in language_codes() if code != "en"])
def test_in_another_language_nothing_stays_english(pairs, code):
    for ours, _ in pairs:
        said = translate(ours, code)
        assert said != ours
        assert "{" not in said
        assert re.search(r"\b(the|with|without|probability|and|regions?|points?)\b", said) is None, said
        assert re.search(r"\d\.\d", said) is None, said


def test_numbers_and_plurals_follow_the_language():
    assert [translate(text("count.region", n=n), "de") for n in (1, 2)] == ["1 Region", "2 Regionen"]
    assert [localize("84.1%", code) for code in ("en", "de", "es")] == ["84.1%", "84,1\u00a0%", "84,1\u00a0%"]
    assert translate("−0.3", "de") == "−0,3"
    assert translate("CC BY-NC 4.0", "de") == "CC BY-NC 4.0"
    nested = text("list", items=[text("class.mel"), "0.5"])
    assert (nested, translate(nested, "es")) == ("melanoma, 0.5", "melanoma, 0,5")
    assert page_text(nested) == {"key": "list", "values": {"items": [{"key": "class.mel", "values": {}}, "0.5"]}}


def test_an_unknown_language_is_refused():
    for wrong in ("fr", "", None, 3):
        with pytest.raises(ConfigError, match="language must be one of en, de, es"):
            check_language(wrong)
