"""Results in a notebook: small pages that need nothing else, and figures with the result's own numbers."""

import re
import subprocess
import sys
from dataclasses import is_dataclass, replace
from html.parser import HTMLParser

import numpy as np
import pytest
from conftest import ROOT
from matplotlib.colors import to_hex

import mat_core.explain as explain
from mat_core import ConfigError, Diagnosis, Metadata, Regions
from mat_core.data.image_loading import load_image
from mat_core.data.labels import CODES, DISCLAIMER
from mat_core.data.metadata import DX_TYPES
from mat_core.display.colors import AGAINST, FOR, rgb
from mat_core.display.html import render_html
from mat_core.display.panels import MAX_BARS, Bars, Grid, Lines, ResultView
from mat_core.display.plots import plot_view
from mat_core.explain import (
    ablate,
    ablate_groups,
    ablation_faithfulness,
    compare_models,
    contributions,
    metadata_sweep,
    occlude,
    occlusion_faithfulness,
    relevance,
    similarity,
    tta_uncertainty,
)
from mat_core.explain.ablation import GroupAblation
from mat_core.explain.batched_forward import kind_groups
from mat_core.explain.label_leakage import LabelLeakage
from mat_core.explain.uncertainty import OperatingPoint
from mat_core.figures import plot_diagnosis, plot_regions
from mat_core.inference.case_index import IndexedCase
from mat_core.utils.formatting import format_change, format_percent, format_points, format_spread

VOID = {"br", "img", "hr"}
MOST_BYTES = 30_000


class Page(HTMLParser):
    """Takes an element apart and fails on whatever a page of our own must not have."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.said = [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert tag not in {"script", "style", "link", "img", "iframe", "object", "svg", "a"}, tag
        for name, value in attrs:
            assert name in {"style", "scope", "colspan", "aria-hidden"}, name
            assert "url" not in value
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said += data


@pytest.fixture(scope="module")
def results(tiny_diagnoser, phantom_file) -> dict[str, object]:
    """One result of every kind, by the name of its type."""
    image, metadata = load_image(phantom_file), Metadata(55, "female", "back")
    regions = tiny_diagnoser.regions(image)
    case = tiny_diagnoser, regions, metadata
    parts = contributions(*case)
    sweep = metadata_sweep(*case)
    flip = sweep.smallest_counterfactual() or explain.Counterfactual({"age": (55, 80)}, "nv", 0.5, np.full(7, 1 / 7))
    found = [
        tiny_diagnoser.diagnose_regions(regions, metadata), regions, ablate(*case), ablation_faithfulness(*case),
        ablate_groups(tiny_diagnoser, regions, kind_groups(regions), metadata),
        occlusion_faithfulness(tiny_diagnoser, image, metadata), parts, parts.against("mel"), sweep, flip,
        tta_uncertainty(tiny_diagnoser, image, metadata), OperatingPoint(0.2, 0.9, 0.7), relevance(*case),
        similarity(*case), LabelLeakage(CODES, (*DX_TYPES, None), np.full((5, 7), 1 / 7)),
        occlude(tiny_diagnoser, image, metadata, (2, 3)),
        compare_models({"one": tiny_diagnoser, "<b>two": tiny_diagnoser}, regions, metadata),
        explain.SimilarCases(CODES, (IndexedCase("ISIC_0000001", "mel", metadata),), np.array([0.9])),
        explain.AnswerStages(CODES, ("class head", "guided"), np.full((2, 7), 1 / 7), ({}, {})),
    ]  # fmt: skip
    return {type(result).__name__: result for result in found}


def test_every_result_has_a_page(results):
    said = {n for n in explain.__all__ if is_dataclass(getattr(explain, n)) and hasattr(getattr(explain, n), "summary")}
    assert len(said) > 10
    assert said | {"Diagnosis", "Regions"} == results.keys()
    for result in results.values():
        html = result._repr_html_()
        read = Page(html)
        assert len(html.encode()) < MOST_BYTES
        assert result.view().summary in read.said
        assert DISCLAIMER in read.said
        assert result.view().panels


@pytest.mark.slow
def test_every_result_is_a_figure(results, phantom_file):
    image = load_image(phantom_file)
    figures = {name: result.plot() for name, result in results.items()}
    for name, figure in (figures | {"with image": plot_regions(results["Regions"], image)}).items():
        assert figure._repr_png_().startswith(b"\x89PNG"), name
        assert DISCLAIMER in figure.get_supxlabel()
    assert len(plot_diagnosis(results["Diagnosis"], image, k=3).axes) == 4
    groups = results["GroupAblation"]
    (axes,) = groups.plot("mel").axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx(groups.effect("mel").tolist())
    with pytest.raises(ConfigError, match="must be one of bcc"):
        results["Ablation"].plot("wart")
    with pytest.raises(ConfigError, match="label="):
        results["AblationFaithfulness"].plot("df" if results["AblationFaithfulness"].label != "df" else "nv")


@pytest.mark.slow
def test_pyplot_is_not_imported():
    code = (
        "import numpy as np, sys; from mat_core.display.panels import Bars, ResultView; "
        "from mat_core.display.plots import plot_view; "
        "plot_view(ResultView('a', 'b', (Bars('c', ('d',), np.ones(1)),)))._repr_png_(); "
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_numbers_are_those_of_the_result(results):
    diagnosis, ablation, occlusion = (results[n] for n in ("Diagnosis", "Ablation", "Occlusion"))
    bars, grid = diagnosis.view().panels
    assert bars.values.tolist() == sorted(diagnosis.probabilities.values(), reverse=True)
    expected = diagnosis.attention.words_to_regions[-1].mean(0)
    np.testing.assert_array_equal(grid.values, expected[:, : grid.values.shape[1]])
    for label in ("mel", "df"):
        each, rest = ablation.view(label).panels
        effect = ablation.effect(label)
        assert each.values.tolist() == sorted(effect, key=lambda v: -abs(v))[: len(each.values)]
        assert each.more == len(effect) - MAX_BARS
        k = CODES.index(label)
        at = rest.names.index("sex")
        assert rest.values[at] == ablation.probabilities[k] - ablation.without_field["sex"][k]
        (tiles,) = occlusion.view(label).panels
        np.testing.assert_array_equal(tiles.values, occlusion.map(label))
    text = Page(diagnosis._repr_html_()).said
    assert format_percent(max(diagnosis.probabilities.values())) in text


def test_formats_and_colors_are_those_of_the_page():
    signed = Bars("", ("a", "b"), np.array([0.071, -0.003]), kind="points")
    assert [signed.text(0), signed.text(1)] == [format_change(0.071), format_change(-0.003)]
    assert Bars("", ("a",), np.array([-1.204]), kind="signed").text(0) == "\N{MINUS SIGN}1.20"
    assert (
        Bars("", ("a",), np.array([0.9999]), np.array([0.01])).text(0)
        == f"{format_percent(0.9999)} ± {format_spread(0.01)}"
    )
    grid = Grid("", ("a",), ("b", "c"), np.array([[0.1, -0.1]]), kind="points")
    assert grid.text(0, 1) == format_points(-0.1)
    html = render_html(ResultView("", "", (signed, grid)))
    assert html.index(FOR) < html.index(AGAINST)
    assert html.index(rgb(FOR)) < html.index(rgb(AGAINST))
    bars, cells = plot_view(ResultView("", "", (signed, grid))).axes
    assert [to_hex(bar.get_facecolor()) for bar in bars.patches] == [FOR, AGAINST]
    assert [to_hex(color) for color in cells.collections[0].to_rgba(grid.values[0])] == [FOR, AGAINST]
    css = (ROOT / "assets" / "style.css").read_text(encoding="utf-8")
    assert re.search(rf"\.pro {{ background: {FOR}", css)
    assert re.search(rf"\.contra {{ background: [^}}]*{AGAINST} ", css)


def test_texts_are_escaped(results):
    assert "<b>two" in Page(results["ModelComparison"]._repr_html_()).said
    odd = "<script>alert(1)</script>&\"'"
    panels = (
        Bars(odd, (odd,), np.array([0.5])),
        Lines(odd, odd, np.arange(2), {odd: np.zeros(2)}, (odd, "x")),
        Grid(odd, (odd,), (odd,), np.zeros((1, 1))),
    )
    read = Page(render_html(ResultView(odd, odd, panels)))
    assert read.said.count(odd) == 11
    dollars = replace(panels[0], names=(r"$\frac$",))  # no formula, and a broken one at that
    figure = plot_view(ResultView("$a$", "b", (dollars, *panels[1:])))
    assert figure._repr_png_()
    assert figure.axes[0].get_yticklabels()[0].get_text().replace("\\$", "$") == r"$\frac$"


def test_empty_results_are_shown(tiny_diagnoser, results):
    regions = results["Regions"]
    alone = similarity(tiny_diagnoser, regions.select(slice(0, 1)))
    assert "two regions" in Page(alone._repr_html_()).said
    assert alone.plot()._repr_png_()
    none = GroupAblation(CODES, (), (), np.full(7, 1 / 7), np.zeros((0, 7)))
    assert none.plot()._repr_png_()
    assert Page(none._repr_html_())
    whole: Diagnosis = results["Diagnosis"]
    unread = replace(whole, words=(), attention=replace(whole.attention, words_to_regions=None))
    assert "Words read: none." in Page(unread._repr_html_()).said
    assert isinstance(regions, Regions)
