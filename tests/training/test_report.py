"""Documents have the numbers of the committed metrics; those of a row are of its logits."""

import json
from dataclasses import replace
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from conftest import ROOT
from scipy.special import softmax
from sklearn.metrics import accuracy_score, roc_auc_score

from interface.frontend.texts import glossary_html
from mat_core.data.ham10000 import read_dataset
from mat_core.data.labels import CODES
from mat_core.errors import DataError
from mat_core.evaluation.metrics import brier_score
from teaching.glossary import glossary
from teaching.phantoms import make_phantom, write_phantom_dataset
from training.documents.formatting import groups_table
from training.documents.glossary import glossary_text
from training.documents.model_card import card_text
from training.documents.paper_comparison import GOALS, goals_text
from training.documents.results_page import results_text
from training.documents.svg_figures import draw_shipped, overlays_svg
from training.results.run_names import ExperimentName
from training.results.runs import RESULTS, Row, write_row
from training.results.summary import kept, summary
from training.steps.quality import read_table
from training.steps.report import (
    PHANTOMS,
    SHOWN_REGIONS,
    TABLES,
    measure_rows,
    shipped,
    write_documents,
)
from training.steps.split import make_split

REGIONS = {  # of a detector, as detector_metrics gives them
    "lesion_recall_10": 0.9, "lesion_recall_36": 0.92, "lesion_recall_100": 0.93, "lesion_top": 0.8,
    "mean_iou_10": 0.777, "mean_iou_36": 0.5, "lesion_covered_36": 0.97, "image_covered_36": 0.6,
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_diagnoser):
    """A phantom dataset, fake rows of both protocols, and the metrics measured on them."""
    folder = tmp_path_factory.mktemp("report")
    images = write_phantom_dataset(folder / "data", per_class=10, size=(48, 64))
    make_split(read_dataset(images, None).cases, folder / "split.csv", seed=0)
    data = read_dataset(images, folder / "split.csv")
    results = folder / "docs" / "results"
    for protocol, row, seed in (
        ("clean", "sga-sga", 0), ("clean", "sga-sga", 1), ("clean", "base", 0), ("clean", "class-head", 0),
        ("paper", "sga-sga", 0), ("clean", "plain-detector", 0),
    ):  # fmt: skip
        regions = REGIONS if row == "plain-detector" else {}
        write_row(replace(fake(data, protocol, row, seed), regions=regions), results)
    return data, results, measure_rows(data, results, tiny_diagnoser)


def fake(data, protocol, row, seed) -> Row:
    torch.manual_seed(seed + len(row))
    logits = []
    for split in ("val", "test"):
        labels = torch.tensor([c.label for c in data.of(split)])
        logits.append(2 * torch.eye(7)[labels] + torch.randn(len(labels), 7))
    history = [{"epoch": 1, "loss": 1.5, "val_loss": 1.2, "seconds": 60.0}, {"epoch": 2, "loss": 1.1, "val_loss": 1.0}]
    return Row(protocol, row, seed, *logits, epoch=2, parameters=1234, seconds=120.0, history=history)


@pytest.mark.slow
def test_metrics_of_a_row_are_those_of_its_logits(made):
    data, results, tables = made
    row, shown = fake(data, "paper", "sga-sga", 0), tables["paper"]["rows"]["sga-sga-seed0"]
    keep = np.array([c.lesion_images == 1 for c in data.of("test")])
    assert 0 < keep.sum() < len(keep)
    assert tables["paper"]["test_lesions"] == keep.sum()
    assert kept(data.of("test"), "clean").all()
    labels = np.array([c.label for c in data.of("test")])[keep]
    p = softmax(row.test_logits.double().numpy()[keep] / shown["temperature"], 1)
    assert shown["acc"]["value"] == pytest.approx(accuracy_score(labels, p.argmax(1)))
    present = [k for k in range(7) if 0 < (labels == k).sum() < len(labels)]
    areas = [roc_auc_score(labels == k, p[:, k]) for k in present]
    assert [shown["roc"][CODES[k]]["area"] for k in present] == pytest.approx(areas, abs=1e-3)
    assert shown["auc"]["value"] == pytest.approx(np.mean(areas), abs=1e-3, nan_ok=not present)
    assert shown["brier"] == pytest.approx(brier_score(p, labels), abs=1e-3)
    assert np.sum(shown["confusion"]) == keep.sum()
    assert sum(b["cases"] for b in shown["reliability"]["after"]) == keep.sum()
    gaps = [b["cases"] * abs(b["accuracy"] - b["confidence"]) for b in shown["reliability"]["before"]]
    assert shown["before_scaling"]["expected_calibration_error"] == pytest.approx(sum(gaps) / keep.sum())
    assert sum(g["cases"] for g in shown["groups"]["sex"].values()) == keep.sum()
    for groups in shown["groups"].values():
        for group in groups.values():  # Wilson's formula, by hand
            n, share, z = group["cases"], group["value"], 1.959964
            middle, half = share + z**2 / (2 * n), z * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
            bounds = [(middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)]
            assert group["interval95"] == pytest.approx(bounds, abs=1e-6)
    assert json.loads((results / TABLES).read_text()) == json.loads(json.dumps(tables))


def test_seeds_are_put_together(made):
    rows = made[2]["clean"]["rows"]
    kinds = summary(rows)
    plain = "Class head of a detector taught whole lesions only"
    assert list(kinds) == ["Base", "SGA-SGA", "Detector's class head", plain]
    both = [rows[f"sga-sga-seed{k}"]["acc"]["value"] for k in (0, 1)]
    assert kinds["SGA-SGA"]["seeds"] == 2
    assert kinds["SGA-SGA"]["mean"]["acc"] == pytest.approx(np.mean(both))
    assert kinds["SGA-SGA"]["deviation"]["acc"] == pytest.approx(abs(both[0] - both[1]) / 2**0.5)
    assert kinds["Base"]["deviation"]["acc"] is None
    assert kinds["SGA-SGA"]["first"]["seed"] == 0


@pytest.mark.slow
def test_the_same_metrics_give_the_same_bytes(made, tmp_path):
    metrics, config = shipped()
    for name in ("one", "two"):
        write_documents(made[2], metrics, config, tmp_path / name, tmp_path / name / "CARD.md")
    ones = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file())
    assert Path("figures/clean-groups.svg") in ones
    kinds = ["roc", "confusion", "reliability", "loss"]
    drawn = {f"{protocol}-{kind}.svg" for protocol in ("clean", "paper") for kind in kinds}
    drawn |= {"clean-groups.svg", "overlays.svg", "shipped-roc.svg", "shipped-confusion.svg"}
    drawn |= {f"shipped-{kind}.svg" for kind in ("reliability", "groups") if kind in metrics["test"]}
    assert {p.name for p in ones if p.suffix == ".svg"} == drawn
    for path in ones:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path
        assert (tmp_path / "one" / path).stat().st_size < 150_000


def lines_of(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


def decimals(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def test_results_have_the_metrics_and_name_what_is_missing(made):
    _, _, tables = made
    assert tables["clean"]["rows"]["plain-detector-seed0"]["regions"] == REGIONS
    assert ".777" in results_text(tables, json.loads((ROOT / "checkpoints/sga-sga/metrics.json").read_text()), [])
    text = results_text(tables, {}, ["a.svg"])
    missing = lines_of(text, "Not trained yet:")[0]  # of the clean protocol
    assert [row for row in ("SA-SA,", "Image only", "Whole-image classifier") if row not in missing] == []
    assert "Base" not in missing
    first = tables["clean"]["rows"]["sga-sga-seed0"]
    (gains,) = lines_of(text, "| SGA-SGA, trained on held-out cases too |")
    for value in (first["val"]["acc"], first["val"]["auc"], first["balanced_acc"]["value"]):
        assert f" {decimals(value)} |" in gains
    assert lines_of(text, "| detector's class head, whole lesion |")
    assert not lines_of(text, "| backbone, whole image |"), "no such row was made"
    assert "![a.svg](figures/a.svg)" in text
    (line,) = lines_of(text, "| SGA-SGA | 2 |")
    assert decimals(summary(tables["clean"]["rows"])["SGA-SGA"]["mean"]["acc"]) in line
    assert "0.9255, 0.9563, 0.9828, 11" in lines_of(text, "| SGA-SGA | 1 |")[0]
    assert results_text({"clean": {}, "paper": {}}, {}, []).count("No row of this protocol") == 2
    assert set(GOALS) == {"clean", "paper", "regions"}


@pytest.mark.parametrize(
    ("name", "found", "goal", "side"),
    [
        ("acc", 0.9, 0.89, "above the goal"), ("auc", 0.97, 0.98, "(missed)"),
        ("balanced_acc", 0.8, 0.8, "at the goal"), ("expected_calibration_error", 0.04, 0.03, "(missed)"),
        ("mean_iou_10", 0.2, 0.25, "below the limit"), ("acc", None, 0.9, "not measured"),
    ],
)  # fmt: skip
def test_goals_are_met_or_missed(name, found, goal, side):
    text = goals_text({name: found} if found else {}, {name: goal}, "It")
    assert f"{goal:.4f}".removeprefix("0") in text
    assert side in text
    assert ("(missed)" in text) == (side == "(missed)")


def test_a_control_of_another_preset_stands_beside_the_one_that_ships(made, tmp_path):
    data, _, _ = made
    step = "| backbone, whole image |"
    other = replace(fake(data, "clean", "classifier", 0), detail="net+crops")
    write_row(other, tmp_path)
    text = results_text(measure_rows(data, tmp_path), {}, [])
    assert "| Whole-image classifier (net+crops) | 1 |" in text
    assert step not in text
    # a name that sorts before the other's
    write_row(replace(other, detail="nes", val_logits=-other.val_logits), tmp_path)
    tables = measure_rows(data, tmp_path)
    acc = tables["clean"]["rows"]["classifier-nes-seed0"]["val"]["acc"]
    (line,) = (line for line in results_text(tables, {}, []).splitlines() if line.startswith(step))
    assert f" {acc:.3f} |".replace(" 0.", " .") in line
    assert ExperimentName.parse("clean-classifier-net+crops-seed0").detail == "net+crops"


def test_overlays_are_the_detectors_regions(made, tiny_diagnoser, tmp_path):
    shown = made[2]["overlays"]
    assert [(o["seed"], o["drawn"]) for o in shown] == list(PHANTOMS)
    assert len(shown) == 10
    seed, code = PHANTOMS[3]
    regions = tiny_diagnoser.regions(make_phantom(seed, code).image)
    assert [r["kind"] for r in shown[3]["regions"]] == list(regions.names[:SHOWN_REGIONS])
    np.testing.assert_allclose([r["box"] for r in shown[3]["regions"]], regions.boxes[:SHOWN_REGIONS], atol=0.51)
    sheet = overlays_svg([{"seed": 1, "drawn": "mel", "regions": [
        {"box": [10, 20, 110, 70], "kind": "mel"}, {"box": [5, 5, 30, 30], "kind": "border"},
    ]}])  # fmt: skip
    root = ElementTree.fromstring(sheet)
    boxes = [e for e in root.iter("{http://www.w3.org/2000/svg}rect") if "stroke" in e.attrib]
    assert [boxes[0].get(k) for k in ("x", "y", "width", "height")] == ["10", "20", "100", "50"]
    assert [b.get("stroke-dasharray") is not None for b in boxes] == [False, True]
    assert "1 Melanoma" in sheet
    assert "2 Border" in sheet


def test_a_row_of_another_split_is_named(made, tmp_path):
    data, _, _ = made
    row = fake(data, "clean", "base", 0)
    write_row(replace(row, test_logits=row.test_logits[:-1]), tmp_path)
    with pytest.raises(DataError, match="clean-base-seed0"):
        measure_rows(data, tmp_path)
    write_row(replace(row, val_logits=row.val_logits * float("nan")), tmp_path)
    with pytest.raises(DataError, match="logits of val"):
        measure_rows(data, tmp_path)


def test_documents_without_any_trained_row(made, tmp_path):
    metrics, config = shipped()
    tables = measure_rows(made[0], tmp_path)
    test = {name: value for name, value in metrics["test"].items() if name != "groups"}  # a row's stand in for them
    write_documents(tables, {**metrics, "test": test}, config, tmp_path, tmp_path / "CARD.md")
    assert "No row of this protocol" in (tmp_path / "RESULTS.md").read_text()
    assert "Not measured" in (tmp_path / "CARD.md").read_text()
    for incomplete in (lambda: shipped(tmp_path), lambda: card_text({}, config, tables)):
        with pytest.raises(DataError, match="--save"):
            incomplete()


def test_the_committed_documents_are_those_of_the_committed_metrics(tmp_path):
    """Nobody edits RESULTS or the card by hand, and no metric changes without them."""
    tables = json.loads((RESULTS / TABLES).read_text())
    write_documents(tables, *shipped(), tmp_path, tmp_path / "MODEL_CARD.md", read_table(RESULTS))
    assert (tmp_path / "RESULTS.md").read_text() == (ROOT / "docs" / "RESULTS.md").read_text()
    assert (tmp_path / "MODEL_CARD.md").read_text() == (ROOT / "MODEL_CARD.md").read_text()
    assert (tmp_path / "GLOSSARY.md").read_text() == (ROOT / "docs" / "GLOSSARY.md").read_text()
    drawn = {p.name for p in (tmp_path / "figures").iterdir()}
    assert drawn == {p.name for p in (ROOT / "docs" / "figures").iterdir()}


def test_the_glossary_of_the_documents_is_that_of_the_page(tmp_path):
    (tmp_path / "terms.txt").write_text("Head: one of\n  several.\nLog-odds: a ratio: its logarithm.\n")
    lines = glossary_text(tmp_path / "terms.txt").splitlines()
    assert lines[-2:] == ["- **Head**: one of several.", "- **Log-odds**: a ratio: its logarithm."]
    assert len(glossary()) > 15
    for term, meaning in dict(glossary()).items():
        assert f"- **{term}**: {meaning}\n" in glossary_text()
        assert f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>" in glossary_html()


def test_the_readme_has_the_numbers_of_the_metrics_file():
    """Its table is compared in test_real.py; here the sentences below it."""
    test = shipped()[0]["test"]
    single, detector = test["single_image_lesions"], test["detector"]
    text = " ".join((ROOT / "README.md").read_text().split())
    for number in (
        f"On the {single['images']} test lesions", *(f"{decimals(single[name])}" for name in ("acc", "lrap", "auc")),
        *(f"{100 * detector[name]:.1f} %" for name in ("lesion_recall_100", "lesion_top")),
    ):  # fmt: skip
        assert number in text


@pytest.mark.slow
def test_the_card_has_what_the_bundle_has(made, tmp_path):
    metrics, config = shipped()
    row, missing = made[2]["clean"]["rows"]["sga-sga-seed0"], "Not measured for this bundle yet"
    lean = {name: value for name, value in metrics["test"].items() if name not in ("reliability", "groups")}
    whole = lean | {"reliability": row["reliability"], "groups": row["groups"]}
    figures = draw_shipped(whole, tmp_path)
    kinds = ("roc", "confusion", "reliability", "groups")
    assert {path.name for path in tmp_path.iterdir()} == {f"shipped-{kind}.svg" for kind in kinds}
    text = card_text({**metrics, "test": whole}, config, made[2], figures)
    assert [name for name in figures.values() if f"](docs/figures/{name})" not in text] == []
    assert groups_table(row["groups"]) in text
    assert missing not in text
    figures = draw_shipped(lean, tmp_path / "lean")
    assert list(figures) == ["roc", "confusion"]
    text = card_text({**metrics, "test": lean}, config, made[2], figures)
    assert missing in text
    assert "Of a row of `docs/RESULTS.md`" in text
    alone = {**whole, "reliability": {"after": whole["reliability"]["after"]}}
    del alone["before_scaling"]
    drawn = (tmp_path / draw_shipped(alone, tmp_path)["reliability"]).read_text()
    assert "after scaling" in drawn
    assert "before scaling" not in drawn
    text = card_text(metrics, config, json.loads((RESULTS / TABLES).read_text()))
    assert "$" not in text  # no blank is left
    assert f"| recall of | {' | '.join(CODES)} |" in text
