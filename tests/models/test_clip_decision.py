"""Final score, decisive person and verdict follow their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask.models.calibration.platt import Calibration
from unmask.models.clip_decision import (
    MIN_FRAMES,
    REASONS,
    Decision,
    VerdictBasis,
    decide_verdict,
    decisive,
    final_log_odds,
    pool_candidates,
    repeated_log_odds,
)

CALIBRATION = Calibration(2.0, sync_weight=0.25, bias=0.5, alone=Calibration(4.0, bias=-1.0))
THRESHOLDS = Calibration(real_below=0.3, fake_above=0.7)

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


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=8))
def test_pooled_odds_are_the_mean_of_the_odds(log_odds):
    assert pool_candidates(log_odds) == pytest.approx(np.log(np.mean(np.exp(log_odds))))
    assert np.mean(log_odds) - 1e-9 <= pool_candidates(log_odds) <= max(log_odds) + 1e-9


def test_more_genuine_candidates_do_not_raise_false_alarms():
    """Scores that are their own log-likelihood ratios, at the threshold of one candidate."""
    rng = np.random.default_rng(0)
    genuine = rng.normal(-1.0, np.sqrt(2.0), (20_000, 8))
    forged = rng.normal(1.0, np.sqrt(2.0), 20_000)
    threshold = np.quantile(genuine[:, 0], 0.9)
    for count in (1, 2, 4, 8):
        pooled = np.array([pool_candidates(row) for row in genuine[:, :count]])
        highest = genuine[:, :count].max(axis=1)
        assert (pooled > threshold).mean() <= 0.11
        assert (highest > threshold).mean() == pytest.approx(1 - 0.9**count, abs=0.02)
        with_fake = np.column_stack([forged, genuine[:, 1:count]])
        called_fake = np.array([pool_candidates(row) for row in with_fake]) > threshold
        assert called_fake.mean() > 2 * (pooled > threshold).mean()


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
    ("probability", "decision"),
    [
        (None, Decision("inconclusive", ("nothing_to_score",))),
        (0.0, Decision("real")),
        (0.29, Decision("real")),
        (0.3, Decision("inconclusive", ("between_thresholds",))),
        (0.7, Decision("inconclusive", ("between_thresholds",))),
        (0.71, Decision("fake")),
        (1.0, Decision("fake")),
    ],
)
def test_verdict_follows_the_thresholds(probability, decision):
    assert decide_verdict(VerdictBasis(probability, 50), THRESHOLDS) == decision


def test_a_clip_with_a_flagged_segment_is_never_called_real():
    decisions = [decide_verdict(VerdictBasis(p, 50, True), THRESHOLDS) for p in (0.07, 0.5, 0.9)]
    assert decisions == [
        Decision("inconclusive", ("segment_alarm",)),
        Decision("inconclusive", ("between_thresholds",)),
        Decision("fake"),
    ]


@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_less_than_a_second_of_face_or_voice_decides_nothing(probability):
    few, enough = VerdictBasis(probability, MIN_FRAMES - 1), VerdictBasis(probability, MIN_FRAMES)
    assert decide_verdict(few, THRESHOLDS) == Decision("inconclusive", ("too_little_evidence",))
    assert decide_verdict(enough, THRESHOLDS).reason != "too_little_evidence"


@given(
    st.none() | st.floats(0, 1),
    st.integers(0, 9),
    st.booleans(),
    st.frozensets(st.sampled_from(["demo_model", "still_picture", "telephone_band"])),
)
def test_a_verdict_has_no_reason_and_its_absence_has_all_that_apply(
    probability, moments, has_alarm, obstacles
):
    basis = VerdictBasis(probability, moments, has_alarm, obstacles)
    decision = decide_verdict(basis, THRESHOLDS)
    assert (decision.verdict == "inconclusive") == (decision.reason is not None)
    if probability is not None and obstacles:
        few = {"too_little_evidence"} if moments < MIN_FRAMES else set()
        assert decision.reasons == tuple(sorted(obstacles | few, key=REASONS.index))
    if has_alarm:
        assert decision.verdict != "real"


def test_thresholds_of_zero_and_one_rule_out_both_verdicts():
    calibration = Calibration(real_below=0.0, fake_above=1.0)
    decisions = {decide_verdict(VerdictBasis(p, 50), calibration) for p in (0.0, 0.5, 1.0)}
    assert decisions == {Decision("inconclusive", ("between_thresholds",))}
