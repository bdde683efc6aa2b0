"""Stretches above a threshold, checked against a slow definition on a fine grid."""

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
)


def found(scores, step_s=0.2, threshold=0.7, starts_s=None):
    starts = np.arange(len(scores)) * step_s if starts_s is None else np.array(starts_s)
    scores, edges = np.array(scores), intervals(starts, step_s)
    return [
        (edges[one][0, 0], edges[one][-1, 1].round(9), scores[one].mean().round(3))
        for one in find_segments(scores, edges, threshold)
    ]


def test_nothing_above_the_threshold_gives_no_segment():
    assert found([0.1, 0.7, 0.2]) == []


def test_no_scores_give_no_segment():
    assert found([]) == []


def test_neighbours_join_and_carry_their_mean():
    assert found([0.1, 0.8, 0.9, 0.1]) == [(0.2, 0.6, 0.85)]


def test_one_stray_frame_is_no_segment():
    assert found([0.1, 0.99, 0.1]) == []


def test_a_short_dip_does_not_split_and_counts_in_the_mean():
    assert found([0.9, 0.9, 0.0, 0.9, 0.9]) == [(0.0, 1.0, 0.72)]


def test_a_long_dip_splits():
    assert [row[:2] for row in found([0.9, 0.9, 0, 0, 0, 0.9, 0.9])] == [(0.0, 0.4), (1.0, 1.4)]


def test_a_pause_without_scores_splits_as_a_dip_does():
    assert len(found([0.9] * 4, starts_s=[0.0, 0.2, 5.0, 5.2])) == 2
    assert len(found([0.9] * 4, starts_s=[0.0, 0.2, 0.6, 0.8])) == 1


@pytest.mark.parametrize("seed", range(20))
def test_segments_are_what_closing_the_gaps_of_a_fine_grid_gives(seed):
    rng = np.random.default_rng(seed)
    scores = rng.random(60)
    grid = np.repeat(scores > 0.7, 20)  # hundredths of a second
    high = np.flatnonzero(grid)
    for left, right in pairwise(high):
        if right - left - 1 <= round(MAX_GAP_S * 100):
            grid[left:right] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[0], grid, [0]])))
    wanted = edges.reshape(-1, 2)
    wanted = wanted[wanted[:, 1] - wanted[:, 0] >= MIN_SEGMENT_S * 100] / 100
    assert np.allclose([row[:2] for row in found(scores)], wanted)


@pytest.mark.parametrize("seed", range(20))
def test_the_height_is_where_the_last_stretch_goes(seed):
    rng = np.random.default_rng(seed)
    scores = rng.random(rng.integers(2, 40)).round(1)  # ties, too
    edges = intervals(np.cumsum(rng.choice([0.2, 0.9], len(scores))), 0.2)
    levels = [0.0, *np.unique(scores)]
    wanted = next(one for one in levels if not list(find_segments(scores, edges, one)))
    assert highest_segment_threshold(scores, edges) == wanted


def test_no_scores_have_no_height():
    assert highest_segment_threshold(np.zeros(0), np.zeros((0, 2))) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_bins_are_the_means_of_the_steps_whose_middle_they_hold(seed):
    rng = np.random.default_rng(seed)
    steps = np.where(rng.random(137) < 0.3, np.nan, rng.random(137))
    wanted = {}
    for number, value in enumerate(steps):
        if not np.isnan(value):
            wanted.setdefault(int((number * 20 + 10) // 200), []).append(value)
    starts_s, means = bin_audio_steps(steps)
    assert np.allclose(starts_s, [number * 0.2 for number in wanted])
    assert np.allclose(means, [np.mean(values) for values in wanted.values()])
