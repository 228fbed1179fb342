"""Results in a notebook: small pages that need nothing else, and figures with the result's own numbers."""

import subprocess
import sys
from dataclasses import is_dataclass, replace
from html.parser import HTMLParser

import numpy as np
import pytest
from conftest import ROOT

import mat_core.explain as explain
from mat_core import ConfigError, Diagnosis, Metadata, Regions
from mat_core.explain import (
    ablate,
    agree,
    compare,
    confront,
    contributions,
    doubt,
    occlude,
    relevance,
    similarity,
    take_away,
    what_if,
)
from mat_core.explain.ablation import Groups
from mat_core.explain.doubt import OperatingPoint
from mat_core.explain.leak import Leak
from mat_core.explain.passes import kind_groups
from mat_core.images import load_image
from mat_core.labels import CODES, DISCLAIMER
from mat_core.metadata import DX_TYPES
from mat_core.showing.html import page
from mat_core.showing.panels import MOST_BARS, Bars, Grid, Lines, View
from mat_core.showing.plots import figure_of
from mat_core.showing.views import view_of

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
    sweep = what_if(*case)
    flip = sweep.flip() or explain.Flip({"age": (55, 80)}, "nv", 0.5, np.full(7, 1 / 7))
    found = [
        tiny_diagnoser.diagnose_regions(regions, metadata), regions, ablate(*case), agree(*case),
        take_away(tiny_diagnoser, regions, kind_groups(regions), metadata),
        confront(tiny_diagnoser, image, metadata), parts, parts.against("mel"), sweep, flip,
        doubt(tiny_diagnoser, image, metadata), OperatingPoint(0.2, 0.9, 0.7), relevance(*case), similarity(*case),
        Leak(CODES, (*DX_TYPES, None), np.full((5, 7), 1 / 7)), occlude(tiny_diagnoser, image, metadata, (2, 3)),
        compare({"one": tiny_diagnoser, "<b>two": tiny_diagnoser}, regions, metadata),
    ]  # fmt: skip
    return {type(result).__name__: result for result in found}


def test_every_result_shows_itself(results):
    said = {
        n for n in explain.__all__ if is_dataclass(getattr(explain, n)) and hasattr(getattr(explain, n), "sentence")
    }
    assert len(said) > 10
    assert said | {"Diagnosis", "Regions"} == results.keys()
    for result in results.values():
        html = result._repr_html_()
        read = Page(html)
        assert len(html.encode()) < MOST_BYTES
        assert view_of(result).sentence in read.said
        assert DISCLAIMER in read.said
        assert view_of(result).panels


@pytest.mark.slow
def test_every_result_is_a_figure(results, phantom_file):
    for name, result in results.items():
        figure = result.plot(phantom_file) if name == "Regions" else result.plot()
        assert figure._repr_png_().startswith(b"\x89PNG"), name
        assert DISCLAIMER in figure.get_supxlabel()
    with_image = results["Diagnosis"].plot(phantom_file, k=3)
    assert len(with_image.axes) == 4


@pytest.mark.slow
def test_pyplot_is_not_touched():
    code = (
        "import numpy as np, sys; from mat_core.showing.panels import Bars, View; "
        "from mat_core.showing.plots import figure_of; "
        "figure_of(View('a', 'b', (Bars('c', ('d',), np.ones(1)),)))._repr_png_(); "
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_numbers_are_those_of_the_result(results):
    diagnosis, ablation, occlusion = (results[n] for n in ("Diagnosis", "Ablation", "Occlusion"))
    bars, grid = view_of(diagnosis).panels
    assert bars.values.tolist() == sorted(diagnosis.probabilities.values(), reverse=True)
    expected = diagnosis.attention.words_to_regions[-1].mean(0)
    np.testing.assert_array_equal(grid.values, expected[:, : grid.values.shape[1]])
    for label in ("mel", "df"):
        each, rest = view_of(ablation, label).panels
        effect = ablation.effect(label)
        assert each.values.tolist() == sorted(effect, key=lambda v: -abs(v))[: len(each.values)]
        assert each.more == len(effect) - MOST_BARS
        k = CODES.index(label)
        at = rest.names.index("sex")
        assert rest.values[at] == ablation.probabilities[k] - ablation.without_field["sex"][k]
        (tiles,) = view_of(occlusion, label).panels
        np.testing.assert_array_equal(tiles.values, occlusion.map(label))
    text = Page(diagnosis._repr_html_()).said
    assert f"{100 * max(diagnosis.probabilities.values()):.1f} %" in text


def test_the_bars_of_a_figure_are_as_long_as_their_values(results):
    groups = results["Groups"]
    (axes,) = groups.plot("mel").axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx(groups.effect("mel").tolist())


def test_texts_of_strangers_are_escaped(results):
    assert "<b>two" in Page(results["Comparison"]._repr_html_()).said
    odd = "<script>alert(1)</script>&\"'"
    panels = (
        Bars(odd, (odd,), np.array([0.5])),
        Lines(odd, odd, np.arange(2), {odd: np.zeros(2)}, (odd, "x")),
        Grid(odd, (odd,), (odd,), np.zeros((1, 1))),
    )
    read = Page(page(View(odd, odd, panels)))
    assert read.said.count(odd) == 11
    dollars = replace(panels[0], names=(r"$\frac$",))  # no formula, and a broken one at that
    figure = figure_of(View("$a$", "b", (dollars, *panels[1:])))
    assert figure._repr_png_()
    assert figure.axes[0].get_yticklabels()[0].get_text().replace("\\$", "$") == r"$\frac$"


def test_a_class_that_is_none_or_another_is_told(results):
    with pytest.raises(ConfigError, match="must be one of bcc"):
        results["Ablation"].plot("wart")
    with pytest.raises(ConfigError, match="compute it again with label="):
        results["Agreement"].plot("df" if results["Agreement"].label != "df" else "nv")
    with pytest.raises(ConfigError, match="no view of an object of int"):
        view_of(3)


def test_nothing_to_show_is_shown_too(tiny_diagnoser, results):
    regions = results["Regions"]
    alone = similarity(tiny_diagnoser, regions.subset(slice(0, 1)))
    assert "two regions" in Page(alone._repr_html_()).said
    assert alone.plot()._repr_png_()
    none = Groups(CODES, (), (), np.full(7, 1 / 7), np.zeros((0, 7)))
    assert none.plot()._repr_png_()
    assert Page(none._repr_html_())
    whole: Diagnosis = results["Diagnosis"]
    unread = replace(whole, words=(), attention=replace(whole.attention, words_to_regions=None))
    assert "Words read: none." in Page(unread._repr_html_()).said
    assert isinstance(regions, Regions)
