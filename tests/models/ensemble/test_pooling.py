import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask.models.ensemble.pooling import average_in_probability, fuse_with_lipsync

logits = st.floats(-12, 12)


def p(z):
    return 1 / (1 + np.exp(-np.asarray(z)))


@given(st.lists(logits, min_size=1, max_size=6), st.data())
def test_pooling_is_the_weighted_mean_of_probabilities(values, data):
    weights = data.draw(
        st.lists(st.floats(0.05, 1), min_size=len(values), max_size=len(values)), "weights"
    )
    expected = np.average(p(values), weights=weights)
    assert p(average_in_probability(np.array(values), np.array(weights))) == pytest.approx(
        expected, abs=1e-9
    )
    assert p(average_in_probability(np.array(values))) == pytest.approx(p(values).mean(), abs=1e-9)


def test_single_logit_is_exact_and_extreme_logits_keep_their_order():
    assert average_in_probability(np.array([0.1 + 0.2])) == 0.1 + 0.2
    assert np.all(
        np.diff([average_in_probability(np.array([z, z - 1])) for z in (40.0, 50.0, 60.0)]) > 5
    )
    assert average_in_probability(np.array([[800.0, -800.0], [800.0, -800.0]])).tolist() == [
        800.0,
        -800.0,
    ]


def test_columns_are_pooled_independently():
    table = np.random.default_rng(0).normal(0, 3, (5, 4, 3))
    together = average_in_probability(table)
    assert together.shape == (4, 3)
    assert together[2, 1] == pytest.approx(average_in_probability(table[:, 2, 1]))


@given(logits, logits, st.floats(0.001, 0.999), st.floats(0, 1))
def test_fusion_is_the_weighted_mean_of_members_and_lip_sync(item, other, sync, weight):
    members = np.array([item, other])
    expected = (1 - weight) * p(members).mean() + weight * sync
    assert p(fuse_with_lipsync(members, sync, weight)) == pytest.approx(expected, abs=1e-9)


def test_missing_lip_sync_does_not_count():
    members = np.array([1.25])
    assert fuse_with_lipsync(members, None, 0.9) == fuse_with_lipsync(members, 0.99, 0.0) == 1.25
    assert np.isfinite(fuse_with_lipsync(members, 1.0, 1.0))
    assert p(fuse_with_lipsync(members, 0.0, 1.0)) < 1e-5
