"""The calibration test holds its level and finds what the ECE's excess over chance let pass."""

import numpy as np
import pytest
from scipy.stats import binom, kstest

from unmask.errors import DataError
from unmask.evaluation.calibration_test import ece_p_value
from unmask.evaluation.metrics import expected_calibration_error, expected_ece_under_calibration


def draw_p_values(temperature, clips=84, tables=200):
    """P-values of tables of clips whose true log-odds are the stated ones over ``temperature``."""
    rng = np.random.default_rng(0)
    values = []
    for _ in range(tables):
        logits = rng.normal(0, 2, clips)
        is_fake = rng.random(clips) < 1 / (1 + np.exp(-logits / temperature))
        stated = 1 / (1 + np.exp(-logits))
        values.append(ece_p_value(stated, is_fake, 10, rng, draws=200))
    return np.array(values)


def test_p_values_of_calibrated_scores_are_uniform():
    values = draw_p_values(temperature=1.0)
    assert kstest(values, "uniform").pvalue > 0.01
    assert np.sum(values < 0.05) <= binom.ppf(0.999, len(values), 0.05)


def test_overconfident_scores_are_found_out_in_most_tables():
    assert np.mean(draw_p_values(temperature=3.0) < 0.05) > 0.8


def test_an_error_that_the_excess_over_chance_let_pass_is_significant():
    """84 clips; the ECE exceeds what chance explains by a little less than 0.05."""
    rng = np.random.default_rng(1)
    probabilities = rng.beta(0.5, 0.5, 84)
    chance = expected_ece_under_calibration(probabilities, 10, np.random.default_rng(0))
    tables = (rng.random(84) < probabilities for _ in range(20_000))
    is_fake = next(
        labels
        for labels in tables
        if 0.045 < expected_calibration_error(probabilities, labels, 10) - chance < 0.05
    )
    assert ece_p_value(probabilities, is_fake, 10, rng) < 0.05


def test_two_clips_have_the_p_value_that_can_be_counted():
    """Stated 0.9 and both genuine: only that labelling has such an ECE, with probability 0.01."""
    value = ece_p_value(
        np.array([0.9, 0.9]), np.array([False, False]), 10, np.random.default_rng(0), draws=20_000
    )
    assert value == pytest.approx(0.01, abs=0.003)


def test_the_smallest_ece_has_a_p_value_of_one():
    probabilities = np.array([0.0, 1.0, 1.0])
    rng = np.random.default_rng(0)
    assert ece_p_value(probabilities, probabilities > 0.5, 10, rng) == 1.0
    assert ece_p_value(probabilities, probabilities < 0.5, 10, rng, draws=99) == 0.01


def test_logits_are_refused():
    with pytest.raises(DataError, match="not logits"):
        ece_p_value(np.array([2.0]), np.array([True]), 10, np.random.default_rng(0))
