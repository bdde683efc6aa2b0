from time import perf_counter

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from unmask.errors import SingleClassError
from unmask.evaluation.bootstrap import auc_interval, resampled_aucs


def a_table(clips=120, people=15, seed=0, gap=1.0):
    rng = np.random.default_rng(seed)
    is_fake = rng.random(clips) < 0.5
    scores = np.round(rng.normal(size=clips) + gap * is_fake, 1)  # rounded, so that some tie
    return scores, is_fake, [f"p{n}" for n in rng.integers(0, people, clips)]


def test_a_resamples_auc_is_that_of_the_copied_clips():
    scores, is_fake, _ = a_table()
    copies = np.random.default_rng(1).integers(0, 4, (20, len(scores)))
    expected = [roc_auc_score(np.repeat(is_fake, row), np.repeat(scores, row)) for row in copies]
    np.testing.assert_allclose(resampled_aucs(scores, is_fake, copies), expected)


def test_the_interval_agrees_with_a_slow_bootstrap_of_identities():
    scores, is_fake, people = a_table()
    rng, values = np.random.default_rng(5), []
    names, place = sorted(set(people)), np.array(people)
    for _ in range(2000):
        drawn = rng.choice(names, len(names))
        rows = np.concatenate([np.flatnonzero(place == name) for name in drawn])
        fakes, reals = scores[rows][is_fake[rows]][:, None], scores[rows][~is_fake[rows]]
        values.append(np.mean((fakes > reals) + 0.5 * (fakes == reals)))
    low, high = np.quantile(values, [0.025, 0.975])
    found = auc_interval(scores, is_fake, people, np.random.default_rng(6), 2000)
    assert (found.low, found.high) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    truth = 0.7602  # of two unit normals one apart: Φ(1/√2)
    covered = 0
    for seed in range(200):
        scores, is_fake, people = a_table(clips=200, people=40, seed=seed)
        found = auc_interval(scores, is_fake, people, np.random.default_rng(seed), 300, 0.9)
        covered += found.low <= truth <= found.high
    assert 0.82 <= covered / 200 <= 0.97


def test_the_same_seed_gives_the_same_interval_and_more_confidence_a_wider_one():
    table = a_table()
    narrow, again, wide = (
        auc_interval(*table, np.random.default_rng(0), 500, confidence)
        for confidence in (0.8, 0.8, 0.99)
    )
    assert narrow == again
    assert wide.low < narrow.low < narrow.high < wide.high


def test_resamples_without_one_class_are_drawn_again():
    scores, is_fake = np.array([0.1, 0.2, 0.9]), np.array([False, False, True])
    found = auc_interval(scores, is_fake, ["a", "b", "c"], np.random.default_rng(0), 200)
    assert (found.low, found.high) == (1.0, 1.0)


def test_one_identity_alone_has_no_interval():
    scores, is_fake, _ = a_table()
    assert auc_interval(scores, is_fake, ["p"] * len(scores), np.random.default_rng(0)) is None


def test_one_class_alone_is_refused():
    with pytest.raises(SingleClassError):
        auc_interval(np.arange(3.0), np.ones(3, dtype=bool), list("abc"), np.random.default_rng(0))


def test_a_resample_of_one_class_is_refused():
    with pytest.raises(SingleClassError, match="draw it again"):
        resampled_aucs(np.array([0.1, 0.2]), np.array([True, False]), np.array([[1, 1], [2, 0]]))


def test_a_thousand_resamples_of_500_clips_take_under_two_seconds():
    table = a_table(clips=500, people=60)
    start = perf_counter()
    auc_interval(*table, np.random.default_rng(0), 1000)
    assert perf_counter() - start < 2


def test_resampling_in_portions_gives_the_same_kind_of_interval(monkeypatch):
    table = a_table(clips=100)
    whole = auc_interval(*table, np.random.default_rng(0), 1000)
    monkeypatch.setattr("unmask.evaluation.bootstrap.CELLS_AT_ONCE", 3_000)
    portioned = auc_interval(*table, np.random.default_rng(1), 1000)
    assert portioned.low == pytest.approx(whole.low, abs=0.02)
    assert portioned.high == pytest.approx(whole.high, abs=0.02)
