"""Segments above a threshold, against a slow definition on a fine grid."""

from itertools import pairwise

import numpy as np
import pytest

from unmask.models.calibration.segments import (
    MAX_GAP_S,
    MIN_SEGMENT_S,
    bin_audio_steps,
    find_segments,
    highest_segment_threshold,
    intervals,
    propose_segments,
)


def segments(scores, step_s=0.2, threshold=0.7, starts_s=None):
    starts = np.arange(len(scores)) * step_s if starts_s is None else np.array(starts_s)
    scores, edges = np.array(scores), intervals(starts, step_s)
    return [
        (edges[rows][0, 0], edges[rows][-1, 1].round(9), scores[rows].mean().round(3))
        for rows in find_segments(scores, edges, threshold)
    ]


def test_no_score_above_the_threshold_gives_no_segment():
    assert segments([0.1, 0.7, 0.2]) == []


def test_no_scores_give_no_segment():
    assert segments([]) == []


def test_neighbouring_scores_are_joined():
    assert segments([0.1, 0.8, 0.9, 0.1]) == [(0.2, 0.6, 0.85)]


def test_single_frame_is_no_segment():
    assert segments([0.1, 0.99, 0.1]) == []


def test_short_dip_does_not_split_a_segment():
    assert segments([0.9, 0.9, 0.0, 0.9, 0.9]) == [(0.0, 1.0, 0.72)]


def test_long_dip_splits_a_segment():
    assert [row[:2] for row in segments([0.9, 0.9, 0, 0, 0, 0.9, 0.9])] == [(0.0, 0.4), (1.0, 1.4)]


def test_missing_scores_split_like_low_scores():
    assert len(segments([0.9] * 4, starts_s=[0.0, 0.2, 5.0, 5.2])) == 2
    assert len(segments([0.9] * 4, starts_s=[0.0, 0.2, 0.6, 0.8])) == 1


@pytest.mark.parametrize("seed", range(20))
def test_segments_equal_morphological_closing_on_a_fine_grid(seed):
    rng = np.random.default_rng(seed)
    scores = rng.random(60)
    grid = np.repeat(scores > 0.7, 20)  # hundredths of a second
    high = np.flatnonzero(grid)
    for left, right in pairwise(high):
        if right - left - 1 <= round(MAX_GAP_S * 100):
            grid[left:right] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[0], grid, [0]])))
    expected = edges.reshape(-1, 2)
    expected = expected[expected[:, 1] - expected[:, 0] >= MIN_SEGMENT_S * 100] / 100
    assert np.allclose([row[:2] for row in segments(scores)], expected)


@pytest.mark.parametrize("seed", range(20))
def test_highest_segment_threshold_by_brute_force(seed):
    rng = np.random.default_rng(seed)
    scores = rng.random(rng.integers(2, 40)).round(1)  # with ties
    edges = intervals(np.cumsum(rng.choice([0.2, 0.9], len(scores))), 0.2)
    levels = [0.0, *np.unique(scores)]
    expected = next(x for x in levels if not list(find_segments(scores, edges, x)))
    assert highest_segment_threshold(scores, edges) == expected


def test_highest_segment_threshold_of_no_scores_is_zero():
    assert highest_segment_threshold(np.zeros(0), np.zeros((0, 2))) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_bins_are_means_of_the_steps_centred_in_them(seed):
    rng = np.random.default_rng(seed)
    steps = np.where(rng.random(137) < 0.3, np.nan, rng.random(137))
    bins = {}
    for number, value in enumerate(steps):
        if not np.isnan(value):
            bins.setdefault(int((number * 20 + 10) // 200), []).append(value)
    starts_s, means = bin_audio_steps(steps)
    assert np.allclose(starts_s, [number * 0.2 for number in bins])
    assert np.allclose(means, [np.mean(values) for values in bins.values()])


def test_the_best_proposal_is_the_plateau_and_not_its_peak():
    scores = np.array([0.1] * 10 + [0.8, 0.85, 0.95, 0.8, 0.8] + [0.1] * 10)
    edges = intervals(np.arange(len(scores)) / 5, 0.2)
    best = propose_segments(scores, edges)[0]
    np.testing.assert_allclose(best, [2.0, 3.0, 0.74])


def test_proposals_do_not_depend_on_the_level_of_the_scores():
    rng = np.random.default_rng(0)
    scores = 0.2 + 0.1 * rng.random(100)
    edges = intervals(np.arange(100) / 5, 0.2)

    def propose_parts(level):
        proposals = propose_segments(scores + level, edges, limit=100)
        return proposals[proposals[:, 1] - proposals[:, 0] < 4][:10]

    np.testing.assert_allclose(propose_parts(0.0), propose_parts(0.5), atol=1e-9)


@pytest.mark.parametrize(("level", "is_first"), [(0.9, True), (0.1, False)])
def test_the_whole_is_proposed_first_if_it_is_forged(level, is_first):
    scores = level + np.random.default_rng(0).normal(0, 0.01, 50)
    first = propose_segments(scores, intervals(np.arange(50) / 5, 0.2))[0]
    assert (first[:2].tolist() == [0, 10]) is is_first


def test_proposals_are_ranked_distinct_and_limited():
    rng = np.random.default_rng(0)
    edges = intervals(np.arange(300) / 5, 0.2)
    proposals = propose_segments(rng.random(300), edges, limit=7)
    assert proposals.shape == (7, 3)
    assert (np.diff(proposals[:, 2]) <= 0).all()
    for first in range(7):
        for second in range(first):
            a, b = proposals[first], proposals[second]
            shared = min(a[1], b[1]) - max(a[0], b[0])
            assert shared <= 0.6 * (max(a[1], b[1]) - min(a[0], b[0])) + 1e-9


def test_no_scores_give_no_proposal():
    assert propose_segments(np.zeros(0), np.zeros((0, 2))).shape == (0, 3)
