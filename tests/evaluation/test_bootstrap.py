from time import process_time

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from unmask.errors import SingleClassError
from unmask.evaluation.bootstrap import Resampling, estimate_auc, estimate_mean
from unmask.evaluation.metrics import roc_auc
from unmask.evaluation.resampled_metrics import resampled_aucs


def make_table(clips=120, people=15, seed=0, gap=1.0):
    rng = np.random.default_rng(seed)
    is_fake = rng.random(clips) < 0.5
    scores = np.round(rng.normal(size=clips) + gap * is_fake, 1)  # rounded, so that some tie
    return scores, is_fake, [f"p{n}" for n in rng.integers(0, people, clips)]


def test_the_auc_of_a_resample_is_that_of_the_repeated_clips():
    scores, is_fake, _ = make_table()
    counts = np.random.default_rng(1).integers(0, 4, (20, len(scores)))
    expected = [roc_auc_score(np.repeat(is_fake, row), np.repeat(scores, row)) for row in counts]
    np.testing.assert_allclose(resampled_aucs(scores, is_fake, counts), expected)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=2, max_size=40
    )
)
def test_an_auc_of_counts_is_the_rank_auc_to_the_last_bit(rows):
    """Sums of ranks are exact, so a single rounding is left."""
    scores, is_fake, counts = (np.array(column) for column in zip(*rows, strict=True))
    repeated, labels = np.repeat(scores, counts), np.repeat(is_fake, counts)
    fakes = int(labels.sum())
    assume(0 < fakes < len(labels))
    outranked = rankdata(repeated)[labels].sum() - fakes * (fakes + 1) / 2
    (auc,) = resampled_aucs(scores.astype(float), is_fake, counts[None])
    assert auc == outranked / (fakes * (len(labels) - fakes))


def test_the_interval_agrees_with_a_slow_bootstrap_of_identities():
    scores, is_fake, people = make_table()
    rng, values = np.random.default_rng(5), []
    names, owner = sorted(set(people)), np.array(people)
    for _ in range(2000):
        drawn = rng.choice(names, len(names))
        rows = np.concatenate([np.flatnonzero(owner == name) for name in drawn])
        fakes, reals = scores[rows][is_fake[rows]][:, None], scores[rows][~is_fake[rows]]
        values.append(np.mean((fakes > reals) + 0.5 * (fakes == reals)))
    low, high = np.quantile(values, [0.025, 0.975])
    auc = estimate_auc(scores, is_fake, people, np.random.default_rng(6), 2000)
    assert auc.value == roc_auc(scores, is_fake)
    assert (auc.low, auc.high) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))


def test_the_interval_covers_the_true_auc_at_about_its_confidence():
    truth = 0.7602  # of two unit normals one apart: Φ(1/√2)
    covered = 0
    for seed in range(200):
        scores, is_fake, people = make_table(clips=200, people=40, seed=seed)
        auc = estimate_auc(scores, is_fake, people, np.random.default_rng(seed), 300, 0.9)
        covered += auc.low <= truth <= auc.high
    assert 0.82 <= covered / 200 <= 0.97


def test_the_same_seed_gives_the_same_interval_and_more_confidence_a_wider_one():
    table = make_table()
    narrow, again, wide = (
        estimate_auc(*table, np.random.default_rng(0), 500, confidence)
        for confidence in (0.8, 0.8, 0.99)
    )
    assert narrow == again
    assert wide.low < narrow.low < narrow.high < wide.high


def test_resamples_without_one_class_are_drawn_again():
    scores, is_fake = np.array([0.1, 0.2, 0.9]), np.array([False, False, True])
    auc = estimate_auc(scores, is_fake, ["a", "b", "c"], np.random.default_rng(0), 200)
    assert (auc.low, auc.high) == (1.0, 1.0)


def test_a_single_identity_has_no_interval():
    scores, is_fake, _ = make_table()
    auc = estimate_auc(scores, is_fake, ["p"] * len(scores), np.random.default_rng(0))
    assert (auc.value, auc.low, auc.high) == (roc_auc(scores, is_fake), None, None)


def test_a_single_class_is_refused():
    with pytest.raises(SingleClassError):
        estimate_auc(np.arange(3.0), np.ones(3, dtype=bool), list("abc"), np.random.default_rng(0))


def test_a_resample_of_one_class_is_refused():
    with pytest.raises(SingleClassError, match="draw it again"):
        resampled_aucs(np.array([0.1, 0.2]), np.array([True, False]), np.array([[1, 1], [2, 0]]))


def test_a_thousand_resamples_of_500_clips_take_under_two_seconds_of_cpu():
    table = make_table(clips=500, people=60)
    start = process_time()
    estimate_auc(*table, np.random.default_rng(0), 1000)
    assert process_time() - start < 2


def test_resampling_in_chunks_gives_a_similar_interval(monkeypatch):
    table = make_table(clips=100)
    at_once = estimate_auc(*table, np.random.default_rng(0), 1000)
    monkeypatch.setattr("unmask.evaluation.bootstrap.MAX_CELLS", 3_000)
    chunked = estimate_auc(*table, np.random.default_rng(1), 1000)
    assert chunked.low == pytest.approx(at_once.low, abs=0.02)
    assert chunked.high == pytest.approx(at_once.high, abs=0.02)


def test_interval_of_a_mean_is_that_of_resampled_people():
    values, _, people = make_table(clips=90, people=9)
    resampling = Resampling(np.random.default_rng(0), 2000)
    estimate = estimate_mean(values, people, resampling)
    assert estimate.value == pytest.approx(values.mean())
    rng, names, means = np.random.default_rng(1), np.array(people), []
    for _ in range(2000):
        drawn = rng.choice(np.unique(names), len(np.unique(names)))
        means.append(np.concatenate([values[names == name] for name in drawn]).mean())
    low, high = np.quantile(means, [0.025, 0.975])
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=0.03)


def test_mean_of_one_person_has_no_interval():
    estimate = estimate_mean(np.arange(4.0), ["a"] * 4, Resampling(np.random.default_rng(0)))
    assert (estimate.value, estimate.low, estimate.high) == (1.5, None, None)
