from itertools import combinations

import numpy as np
import pytest

from unmask.evaluation.intervals import percentile_interval
from unmask.evaluation.multiple_testing import adjust_by_holm, bootstrap_p_value


def close_over_bonferroni(p_values):
    """Closed testing: a hypothesis falls when every intersection that contains it falls."""
    tests = range(len(p_values))
    subsets = [subset for size in tests for subset in combinations(tests, size + 1)]
    return [
        max(min(len(s) * min(p_values[i] for i in s), 1.0) for s in subsets if test in s)
        for test in tests
    ]


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_the_closure_of_bonferroni(seed):
    p_values = np.random.default_rng(seed).random(6).round(2) ** 3  # some are tied
    assert adjust_by_holm(p_values) == pytest.approx(close_over_bonferroni(p_values))


def test_a_table_without_effects_rarely_has_a_significant_row():
    rng = np.random.default_rng(0)
    p_values = rng.random((2000, 16))
    assert (p_values.min(axis=1) < 0.05).mean() > 0.5  # without a correction
    hits = np.mean([adjust_by_holm(row).min() < 0.05 for row in p_values])
    assert hits == pytest.approx(0.05, abs=0.015)


def test_no_tests_have_no_p_values():
    assert adjust_by_holm(np.array([])).shape == (0,)


def test_the_p_value_agrees_with_the_percentile_interval():
    rng = np.random.default_rng(1)
    agree = 0
    for center in rng.uniform(-4, 4, 300):
        resampled = rng.normal(center, 1, 999)
        low, high = percentile_interval(resampled, 0.025)
        agree += (bootstrap_p_value(resampled) < 0.05) == (low > 0 or high < 0)
    assert agree >= 297  # they may differ by one resample at the border


def test_resamples_that_never_change_have_a_p_value_of_one():
    assert bootstrap_p_value(np.zeros(50)) == 1.0
    assert bootstrap_p_value(np.ones(999)) == 0.002
