"""Scores second by second, against a slow definition."""

import numpy as np
import pytest

from unmask.serving.aggregation.resampling import mean_per_second


def test_every_second_with_a_score_has_the_mean_of_its_scores(rng):
    times_s = np.sort(rng.uniform(0, 20, 60))
    values = rng.random(60)
    starts_s, means = mean_per_second(times_s, values)
    wanted = {}
    for time_s, value in zip(times_s, values, strict=True):
        wanted.setdefault(int(time_s), []).append(value)
    assert starts_s.tolist() == sorted(wanted)
    assert means == pytest.approx([np.mean(wanted[second]) for second in sorted(wanted)])


def test_a_sum_of_fifths_falls_into_its_own_second():
    starts_s, means = mean_per_second(np.cumsum(np.full(10, 0.1)), np.arange(10) * 1.0)
    assert starts_s.tolist() == [0.0, 1.0]
    assert means.tolist() == [4.0, 9.0]


def test_no_scores_no_seconds():
    starts_s, means = mean_per_second(np.zeros(0), np.zeros(0))
    assert len(starts_s) == len(means) == 0
