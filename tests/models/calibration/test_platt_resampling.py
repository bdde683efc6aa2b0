"""The interval of a probability covers what unlimited calibration clips would give."""

from dataclasses import replace

import numpy as np
import pytest

from unmask.models.calibration.platt import Calibration, fit_platt
from unmask.models.calibration.platt_resampling import log_odds_interval, resample_platt

MEAN, SPREAD, PERSON = 1.0, 1.2, 0.5  # of fakes' logits; genuine ones are mirrored
SLOPE = 2 * MEAN / (SPREAD**2 + PERSON**2)  # of the true log-odds, by Bayes' rule


def draw(rng, people, clips=3):
    """As many genuine as fake clips of each person, whose true fake probability is known."""
    who = np.repeat(np.arange(people), 2 * clips)
    is_fake = np.tile(np.repeat([False, True], clips), people)
    logits = rng.normal(np.where(is_fake, MEAN, -MEAN), SPREAD)
    return logits + rng.normal(0, PERSON, people)[who], is_fake, [f"person-{n}" for n in who]


def calibrate(rng, people):
    logits, is_fake, names = draw(rng, people)
    temperature, bias = fit_platt(logits, is_fake)
    return Calibration(temperature, bias=bias, resamples=resample_platt(logits, is_fake, names))


def share_covered(people, repeats=80):
    rng = np.random.default_rng(people)
    covered = []
    for _ in range(repeats):
        calibration = calibrate(rng, people)
        for logit in draw(rng, 2)[0]:
            low, high = log_odds_interval(np.array([logit]), None, calibration)
            covered.append(low <= SLOPE * logit <= high)
    return np.mean(covered)


@pytest.mark.parametrize("people", [8, 20])
def test_the_interval_covers_the_true_probability_at_its_level(people):
    # 0.95 ± 0.02, and what 80 calibrations can tell
    assert 0.91 <= share_covered(people) <= 0.99


def test_more_people_narrow_the_interval_and_it_holds_the_probability():
    rng, widths = np.random.default_rng(1), []
    for people in (6, 60):
        calibration = calibrate(rng, people)
        low, high = log_odds_interval(np.array([0.5]), None, calibration)
        assert low <= calibration.log_odds(0.5) <= high
        widths.append(high - low)
    assert widths[1] < 0.5 * widths[0]


def test_members_that_disagree_widen_the_interval():
    calibration = calibrate(np.random.default_rng(2), 60)

    def width(members):
        low, high = log_odds_interval(np.array(members), None, calibration)
        return high - low

    assert width([-2.0, 2.0, -2.0, 2.0]) > 1.5 * width([0.0, 0.0, 0.0, 0.0])
    assert width([1.0, 1.0]) == pytest.approx(width([1.0]))


def test_lip_sync_counts_with_its_weight():
    calibration = replace(calibrate(np.random.default_rng(3), 30), sync_weight=0.5)
    low, _ = log_odds_interval(np.array([0.0]), 0.9, calibration)
    assert low > log_odds_interval(np.array([0.0]), 0.1, calibration)[0]


def test_clips_of_one_person_are_resampled_together():
    logits, is_fake, names = draw(np.random.default_rng(4), 12, clips=4)

    def spread(copies, people):
        repeated = (np.repeat(values, copies) for values in (logits, is_fake))
        return np.std([fit.bias for fit in resample_platt(*repeated, people).plain])

    once = spread(1, names)
    assert spread(5, np.repeat(names, 5).tolist()) == pytest.approx(once, rel=0.01)
    assert spread(5, [str(n) for n in range(5 * len(names))]) < 0.7 * once


def test_too_few_people_have_no_interval():
    logits, is_fake = np.array([-1.0, 1.0, 0.5, 2.0]), np.array([False, True, False, True])
    assert resample_platt(logits, is_fake, ["a", "a", "b", "b"]) is None
    assert log_odds_interval(np.array([0.0]), None, Calibration()) is None


def test_a_resample_without_one_class_is_left_out():
    logits = np.linspace(-2, 2, 8)
    fits = resample_platt(logits, np.arange(8) == 3, [str(n) for n in range(8)])
    assert 0 < len(fits.smoothed) < 200
    assert np.isfinite([fit.bias for fit in fits.smoothed + fits.plain]).all()
