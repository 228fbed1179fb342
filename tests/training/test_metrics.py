"""Metrics are those of scikit-learn and of numbers worked by hand, and the same for rows and bundles."""

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import binomtest
from sklearn.metrics import brier_score_loss, roc_curve

from mat_core.data.labels import CODES
from mat_core.evaluation.metrics import (
    HEADLINE,
    MELANOMA,
    bootstrap_intervals,
    brier_score,
    calibration_error,
    melanoma_sensitivity,
    per_case_lrap,
    proportion_interval,
    reliability,
    summary_metrics,
)
from mat_core.evaluation.report import measure
from training.results.curves import fit_temperature, melanoma_curve, unscaled
from training.steps.report import shipped


def test_the_metrics_by_hand():
    # two classes of seven are present; cases 0 to 2 right, case 3 wrong with its truth ranked second
    p = np.full((4, 7), 0.01)
    labels = np.array([2, 2, 4, 4])
    for i, (k, value) in enumerate([(2, 0.9), (2, 0.6), (4, 0.8), (2, 0.7)]):
        p[i, k] = value
    p[1, 4], p[3, 4] = 0.35, 0.2
    p /= p.sum(1, keepdims=True)
    found = summary_metrics(p, labels)
    assert found["acc"] == 0.75
    assert found["balanced_acc"] == 0.75
    assert found["lrap"] == pytest.approx((1 + 1 + 1 + 0.5) / 4)
    # 3 of 4 pairs each: melanomas score .94 and .60, the others .01 and .74; nevi .93 and .21, the others .01 and .35
    assert found["auc"] == pytest.approx(0.75)
    assert melanoma_sensitivity(p, labels) == 0.5
    assert per_case_lrap(p, labels).tolist() == [1, 1, 1, 0.5]


def test_the_temperature_finds_what_was_done_to_the_logits():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 7)) * 2
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([rng.choice(7, p=row) for row in p])
    assert fit_temperature(3 * logits, labels) == pytest.approx(3, rel=0.1)
    assert calibration_error(reliability(p, labels)) < 0.03
    sharp = np.exp(3 * logits) / np.exp(3 * logits).sum(1, keepdims=True)
    assert calibration_error(reliability(sharp, labels)) > 0.15


def test_bootstrap_is_the_plain_one_done_at_once():
    rng = np.random.default_rng(3)
    p = rng.dirichlet(np.ones(7), 60).round(1) + 1e-3  # rounded: there are ties
    labels = rng.integers(0, 7, 60)
    got = bootstrap_intervals(p, labels, rounds=40, seed=5)
    rng = np.random.default_rng(5)
    groups = [np.flatnonzero(labels == k) for k in np.unique(labels)]
    rows = []
    for _ in range(40):
        drawn = np.concatenate([rng.choice(g, len(g)) for g in groups])
        rows.append(summary_metrics(p[drawn], labels[drawn]))
    for name, (low, high) in got.items():
        wanted = np.percentile([row[name] for row in rows], (2.5, 97.5))
        assert (low, high) == pytest.approx(tuple(wanted)), name
        assert low <= summary_metrics(p, labels)[name] <= high


def test_bins_of_reliability_by_hand():
    logits = 3 * np.random.default_rng(4).normal(size=(50, 7))
    np.testing.assert_allclose(unscaled(softmax(logits / 1.7, 1), 1.7), softmax(logits, 1), rtol=1e-9)
    # confidences .9 and .6, the first right, the second wrong
    assert calibration_error(reliability(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 0]))) == pytest.approx(0.25)
    assert calibration_error(reliability(np.array([[0.9, 0.1], [0.6, 0.4]]), np.array([0, 1]))) == pytest.approx(0.35)
    # of 15 bins of equal width, .9 is in the 13th, .95 in the 14th, 1 in the last
    p = np.array([[0.9, 0.1], [0.92, 0.08], [0.1, 0.9], [0.95, 0.05], [1.0, 0.0]])
    bins = reliability(p, np.array([0, 0, 0, 1, 0]))
    assert [b["cases"] for b in bins] == [3, 2]
    assert [b["confidence"] for b in bins] == pytest.approx([(0.9 + 0.92 + 0.9) / 3, (0.95 + 1) / 2])
    assert [b["accuracy"] for b in bins] == pytest.approx([2 / 3, 1 / 2])
    assert bins[0]["interval95"] == pytest.approx(list(proportion_interval(2, 3)))


@pytest.mark.parametrize(("found", "cases"), [(0, 1), (1, 1), (2, 3), (3, 3), (450, 747), (747, 747)])
def test_the_interval_of_a_share_is_wilsons(found, cases):
    wanted = binomtest(found, cases).proportion_ci(method="wilson")
    assert proportion_interval(found, cases) == pytest.approx((wanted.low, wanted.high), abs=1e-9)


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


def test_a_measurement_is_what_its_parts_are_and_a_bundles_file_has_it_under_the_same_names():
    rng = np.random.default_rng(1)
    logits = 2 * rng.normal(size=(200, 7))
    p, before = softmax(logits / 1.5, 1), softmax(logits, 1)
    labels = np.array([rng.choice(7, p=row) for row in p])
    said = measure(p, labels, before)
    assert said["images"] == 200
    assert {name: said[name]["value"] for name in HEADLINE} == summary_metrics(p, labels)
    assert tuple(said["auc"]["interval95"]) == bootstrap_intervals(p, labels)["auc"]
    assert said["brier"] == brier_score(p, labels)
    assert said["before_scaling"]["brier"] == brier_score(before, labels)
    counts = np.array(said["confusion"])
    assert counts.sum() == 200
    assert said["recall"]["mel"] == counts[MELANOMA, MELANOMA] / counts[MELANOMA].sum()
    for when, those in (("after", p), ("before", before)):
        assert sum(b["cases"] for b in said["reliability"][when]) == 200
        right = sum(b["accuracy"] * b["cases"] for b in said["reliability"][when]) / 200
        assert right == pytest.approx((those.argmax(1) == labels).mean())
    assert said["reliability"] == {"before": reliability(before, labels), "after": reliability(p, labels)}
    for when, error in (("after", said), ("before", said["before_scaling"])):
        assert calibration_error(said["reliability"][when]) == error["expected_calibration_error"]
    alone = measure(p, labels)
    assert "before_scaling" not in alone
    assert set(alone["reliability"]) == {"after"}
    bundle = shipped()[0]["test"]
    assert [name for name in bundle if name in said] == list(said)
    assert list(bundle["recall"]) == list(said["recall"]) == list(CODES)
