"""All metrics of scores against scikit-learn, and their intervals against a slow bootstrap."""

from itertools import pairwise

import numpy as np
import pytest

from tests.reference_metrics import compute_metrics
from unmask.config import EvaluationSettings
from unmask.errors import DataError
from unmask.evaluation.measurement import METRICS, LabelledScores, measure

SETTINGS = EvaluationSettings(resamples=300)


def make_scores(seed=0, count=200, people=20, decimals=None, gap=1.0):
    rng = np.random.default_rng(seed)
    is_fake = rng.random(count) < 0.4
    logits = rng.normal(gap * (is_fake - 0.5), 1)
    probabilities = 1 / (1 + np.exp(-logits))
    if decimals is not None:
        probabilities = np.round(probabilities, decimals)
    identities = np.array([f"p{number}" for number in rng.integers(0, people, count)])
    return LabelledScores(probabilities, probabilities, probabilities > 0.6, is_fake, identities)


@pytest.mark.parametrize("decimals", [None, 2, 1])
@pytest.mark.parametrize("seed", range(5))
def test_every_number_is_that_of_scikit_learn(seed, decimals):
    items = make_scores(seed, decimals=decimals)
    measured = measure(items, "clips", EvaluationSettings(resamples=1), seed=0)
    expected = compute_metrics(items.scores, items.called_fake, items.is_fake)
    assert set(measured.metrics) == {*expected, "ece"} == set(METRICS)
    for name, value in expected.items():
        assert measured.metrics[name].value == pytest.approx(value, abs=1e-9), name


def test_the_calibration_error_is_that_of_a_loop_over_the_bins():
    items = make_scores()
    edges = np.arange(11) / 10
    error = 0.0
    for low, high in pairwise(edges):
        inside = (items.probabilities >= low) & (items.probabilities < high)
        if inside.any():
            distance = items.probabilities[inside].mean() - items.is_fake[inside].mean()
            error += inside.mean() * abs(distance)
    assert measure(items, "clips", SETTINGS, 0).metrics["ece"].value == pytest.approx(error)


def test_intervals_agree_with_a_slow_bootstrap_of_identities():
    items = make_scores(seed=1)
    settings = EvaluationSettings(resamples=2000, confidence=0.9)
    measured = measure(items, "clips", settings, seed=2)
    rng, names = np.random.default_rng(3), np.unique(items.identities)
    values = {name: [] for name in METRICS if name != "ece"}
    for _ in range(400):
        drawn = rng.choice(names, len(names))
        rows = np.concatenate([np.flatnonzero(items.identities == name) for name in drawn])
        parts = items.scores[rows], items.called_fake[rows], items.is_fake[rows]
        for name, value in compute_metrics(*parts).items():
            values[name].append(value)
    for name, resampled in values.items():
        low, high = np.quantile(resampled, [0.05, 0.95])
        estimate = measured.metrics[name]
        assert estimate.low == pytest.approx(low, abs=0.03), name
        assert estimate.high == pytest.approx(high, abs=0.03), name


def test_scores_without_information_have_an_auc_near_one_half_within_the_interval():
    auc = measure(make_scores(count=600, people=60, gap=0.0), "clips", SETTINGS, 0).metrics["auc"]
    assert auc.value == pytest.approx(0.5, abs=0.06)
    assert auc.low < 0.5 < auc.high


@pytest.mark.parametrize(
    ("keep", "reason"), [(True, "no genuine frames"), (False, "no fake frames")]
)
def test_scores_of_one_class_are_not_measured(keep, reason):
    items = make_scores()
    mask = items.is_fake == keep
    part = LabelledScores(
        *(getattr(items, name)[mask] for name in LabelledScores.__dataclass_fields__)
    )
    measured = measure(part, "frames", SETTINGS, 0)
    assert measured.metrics == {}
    assert measured.not_measured == reason
    assert measured.count == mask.sum() == measured.fakes + measured.reals


def test_no_scores_at_all_are_not_measured():
    none = np.zeros(0, np.bool_)
    items = LabelledScores(np.zeros(0), np.zeros(0), none, none, np.array([], np.str_))
    measured = measure(items, "clips", SETTINGS, 0)
    assert (measured.count, measured.identities) == (0, 0)
    assert measured.not_measured == "no fake and no genuine clips"


def test_scores_of_one_identity_have_no_interval():
    measured = measure(make_scores(people=1), "clips", SETTINGS, 0)
    assert {estimate.low for estimate in measured.metrics.values()} == {None}


def test_a_score_that_is_not_finite_is_refused():
    items = make_scores()
    items.scores[3] = np.nan
    with pytest.raises(DataError, match="NaN"):
        measure(items, "clips", SETTINGS, 0)
