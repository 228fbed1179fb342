"""The documents are made from the committed figures and say what they say; the figures are what scikit-learn gives."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT
from scipy.special import softmax
from sklearn.metrics import accuracy_score, brier_score_loss, roc_auc_score, roc_curve

from mat_core.ham10000 import read_dataset
from mat_core.labels import CODES
from mat_core.phantoms import write_phantom_dataset
from training.metrics import MELANOMA, brier_score, melanoma_curve, melanoma_sensitivity
from training.report import FIGURES, GOALS, card_text, goals_text, kept, measure, results_text, shipped, summary, write
from training.results import RESULTS, Result, write_result
from training.splits import make_split


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A phantom dataset, fake rows of both protocols, and the figures measured on them."""
    folder = tmp_path_factory.mktemp("report")
    images = write_phantom_dataset(folder / "data", per_class=20)
    make_split(read_dataset(images, None).cases, folder / "split.csv", seed=0)
    data = read_dataset(images, folder / "split.csv")
    results = folder / "docs" / "results"
    for protocol, row, seed in (
        ("clean", "sga-sga", 0), ("clean", "sga-sga", 1), ("clean", "base", 0), ("clean", "class-head", 0),
        ("paper", "sga-sga", 0),
    ):  # fmt: skip
        write_result(fake(data, protocol, row, seed), results)
    return data, results, measure(data, results)


def fake(data, protocol, row, seed) -> Result:
    torch.manual_seed(seed + len(row))
    logits = []
    for split in ("val", "test"):
        labels = torch.tensor([c.label for c in data.of(split)])
        logits.append(2 * torch.eye(7)[labels] + torch.randn(len(labels), 7))
    history = [{"epoch": 1, "loss": 1.5, "val_loss": 1.2, "seconds": 60.0}, {"epoch": 2, "loss": 1.1, "val_loss": 1.0}]
    return Result(protocol, row, seed, *logits, epoch=2, parameters=1234, seconds=120.0, history=history)


def test_figures_of_a_row_are_those_of_its_logits(made):
    data, results, figures = made
    row, shown = fake(data, "paper", "sga-sga", 0), figures["paper"]["rows"]["sga-sga-seed0"]
    keep = np.array([c.lesion_images == 1 for c in data.of("test")])
    assert 0 < keep.sum() < len(keep)
    assert figures["paper"]["test_lesions"] == keep.sum()
    assert kept(data.of("test"), "clean").all()
    labels = np.array([c.label for c in data.of("test")])[keep]
    p = softmax(row.test_logits.double().numpy()[keep] / shown["temperature"], 1)
    assert shown["acc"]["value"] == pytest.approx(accuracy_score(labels, p.argmax(1)))
    present = [k for k in range(7) if 0 < (labels == k).sum() < len(labels)]
    areas = [roc_auc_score(labels == k, p[:, k]) for k in present]
    assert shown["auc"]["value"] == pytest.approx(np.mean(areas), abs=1e-3, nan_ok=not present)
    assert shown["brier"] == pytest.approx(brier_score(p, labels), abs=1e-3)
    assert np.sum(shown["confusion"]) == keep.sum()
    assert sum(b["cases"] for b in shown["reliability"]["after"]) == keep.sum()
    assert sum(g["cases"] for g in shown["groups"]["sex"].values()) == keep.sum()
    assert json.loads((results / FIGURES).read_text()) == json.loads(json.dumps(figures))


def test_seeds_are_put_together(made):
    rows = made[2]["clean"]["rows"]
    kinds = summary(rows)
    assert list(kinds) == ["Base", "SGA-SGA", "Detector's class head"]
    both = [rows[f"sga-sga-seed{k}"]["acc"]["value"] for k in (0, 1)]
    assert kinds["SGA-SGA"]["seeds"] == 2
    assert kinds["SGA-SGA"]["mean"]["acc"] == pytest.approx(np.mean(both))
    assert kinds["SGA-SGA"]["deviation"]["acc"] == pytest.approx(np.std(both))
    assert kinds["SGA-SGA"]["first"]["seed"] == 0


def test_the_same_figures_give_the_same_bytes(made, tmp_path):
    metrics, config = shipped()
    for name in ("one", "two"):
        write(made[2], metrics, config, tmp_path / name, tmp_path / name / "CARD.md")
    ones = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file())
    assert Path("figures/clean-groups.svg") in ones
    assert len([p for p in ones if p.suffix == ".svg"]) == 9
    for path in ones:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path
        assert (tmp_path / "one" / path).stat().st_size < 150_000


def test_results_say_what_is_missing_and_what_fell_short(made):
    text = results_text(made[2], {}, ["a.svg"])
    assert "Not trained yet: SA-SA, SA(words)-SGA(regions), SA(regions)-SGA(words), Image only." in text
    assert "Not measured yet." in text
    assert "![a.svg](figures/a.svg)" in text
    line = next(line for line in text.splitlines() if line.startswith("| SGA-SGA | 2 |"))
    acc = summary(made[2]["clean"]["rows"])["SGA-SGA"]["mean"]["acc"]
    assert f"{acc:.3f}".removeprefix("0") in line
    assert "0.9255, 0.9563, 0.9828, 11" in next(x for x in text.splitlines() if x.startswith("| SGA-SGA | 1 |"))
    empty = results_text({"clean": {}, "paper": {}}, {}, [])
    assert empty.count("No row of this protocol has been trained yet.") == 2
    assert goals_text({"acc": 0.9, "auc": 0.97}, {"acc": 0.89, "auc": 0.98}, "It") == (
        "It: accuracy .9000 is above .8900; macro AUC .9700 is below .9800."
    )
    assert set(GOALS) == {"clean", "paper"}


def test_metrics_of_the_threshold_and_brier_are_scikit_learns():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(7), 300)
    labels = np.array([rng.choice(7, p=row) for row in p])
    curve = melanoma_curve(p, labels, points=50)
    fpr, tpr, thresholds = roc_curve(labels == MELANOMA, p[:, MELANOMA])
    assert len(curve["threshold"]) <= 50
    for threshold, sensitivity, specificity in zip(*curve.values(), strict=True):
        called = p[:, MELANOMA] >= threshold - 1e-6
        assert sensitivity == pytest.approx(called[labels == MELANOMA].mean(), abs=1e-5)
        assert specificity == pytest.approx(1 - called[labels != MELANOMA].mean(), abs=1e-5)
    full = melanoma_curve(p, labels, points=10_000)
    best = max(s for s, q in zip(full["sensitivity"], full["specificity"], strict=True) if q >= 0.9 - 1e-9)
    assert best == pytest.approx(melanoma_sensitivity(p, labels), abs=1e-5)
    assert len(full["threshold"]) == len(thresholds) == len(fpr) == len(tpr)
    truth = np.eye(7)[labels]
    assert brier_score(p, labels) == pytest.approx(7 * brier_score_loss(truth.ravel(), p.ravel()))
    assert brier_score(np.eye(7)[labels], labels) == 0


def test_the_committed_documents_are_those_of_the_committed_figures(tmp_path):
    """Nobody edits RESULTS or the card by hand, and no figure changes without them."""
    figures = json.loads((RESULTS / FIGURES).read_text())
    write(figures, *shipped(), tmp_path, tmp_path / "MODEL_CARD.md")
    assert (tmp_path / "RESULTS.md").read_text() == (ROOT / "docs" / "RESULTS.md").read_text()
    assert (tmp_path / "MODEL_CARD.md").read_text() == (ROOT / "MODEL_CARD.md").read_text()
    drawn = {p.name for p in (tmp_path / "figures").iterdir()}
    assert drawn <= {p.name for p in (ROOT / "docs" / "figures").iterdir()}


def test_the_card_has_no_blank_left():
    metrics, config = shipped()
    text = card_text(metrics, config)
    assert "$" not in text
    assert all(f"| {code} |" in text or f"{code} |" in text for code in CODES)
