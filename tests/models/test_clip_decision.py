"""Final score, decisive person and verdict follow their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask.models.calibration.platt import Calibration
from unmask.models.clip_decision import (
    MIN_FRAMES,
    decide_verdict,
    decisive,
    final_log_odds,
    repeated_log_odds,
)

CALIBRATION = Calibration(2.0, sync_weight=0.25, bias=0.5, alone=Calibration(4.0, bias=-1.0))

people = st.lists(st.tuples(st.integers(0, 12), st.floats(-9, 9)), min_size=1, max_size=6)


def sigmoid(logits):
    return 1 / (1 + np.exp(-np.asarray(logits)))


def choose(candidates):
    return decisive(candidates, lambda person: person[0], lambda person: person[1])


@given(people)
def test_decisive_person_by_striking_out(candidates):
    """Strike out everybody seen too briefly, unless nobody is left, then take the most fake."""
    remaining = [person for person in candidates if person[0] >= MIN_FRAMES]
    if not remaining:
        longest = max(frames for frames, _ in candidates)
        remaining = [person for person in candidates if person[0] == longest]
    frames, log_odds = choose(candidates)
    assert (frames, log_odds) in remaining
    assert log_odds == max(value for _, value in remaining)


@given(people, st.randoms(use_true_random=False))
def test_order_of_people_does_not_change_the_score(candidates, random):
    shuffled = candidates.copy()
    random.shuffle(shuffled)
    assert choose(candidates)[1] == choose(shuffled)[1]


def test_final_score_is_the_weighted_mean_of_probabilities_calibrated():
    members = np.array([1.0, -0.5])
    fused = 0.75 * sigmoid(members).mean() + 0.25 * 0.9
    expected = np.log(fused / (1 - fused)) / 2.0 + 0.5
    assert final_log_odds(members, 0.9, CALIBRATION) == pytest.approx(expected)


def test_without_lip_sync_the_calibration_of_the_detectors_applies():
    assert final_log_odds(np.array([2.0]), None, CALIBRATION) == 2.0 / 4.0 - 1.0


@pytest.mark.parametrize("sync_probability", [None, 0.3])
def test_repeated_scores_are_final_scores_of_single_logits(sync_probability):
    logits = np.array([-1.0, 0.0, 3.0])
    repeated = repeated_log_odds(logits, sync_probability, CALIBRATION)
    single = [final_log_odds(np.array([x]), sync_probability, CALIBRATION) for x in logits]
    assert repeated.tolist() == single
    assert repeated_log_odds(np.zeros(0), sync_probability, CALIBRATION).shape == (0,)


@pytest.mark.parametrize(
    ("probability", "verdict"),
    [
        (None, "inconclusive"),
        (0.0, "real"),
        (0.29, "real"),
        (0.3, "inconclusive"),
        (0.7, "inconclusive"),
        (0.71, "fake"),
        (1.0, "fake"),
    ],
)
def test_verdict_follows_the_thresholds(probability, verdict):
    assert decide_verdict(probability, Calibration(real_below=0.3, fake_above=0.7)) == verdict


def test_thresholds_of_zero_and_one_rule_out_both_verdicts():
    calibration = Calibration(real_below=0.0, fake_above=1.0)
    assert {decide_verdict(p, calibration) for p in (0.0, 0.5, 1.0)} == {"inconclusive"}
