"""Verdicts are counted on labelled clips by the rule that serving uses."""

from dataclasses import replace

import numpy as np
import pytest

from tests.factories import NO_FOOTAGE, make_clip
from unmask.config import PreprocessingSettings
from unmask.evaluation.measured_verdicts import measure_verdicts
from unmask.models.bundle import Bundle
from unmask.models.calibration.domain import CalibrationDomain
from unmask.models.calibration.platt import Calibration, ConformalGuarantee, SegmentThresholds
from unmask.models.detector import Detector
from unmask.models.inference import SampleScore
from unmask.training.score_clips import to_score_row
from unmask.training.scored_clip import ScoredClip

ALARM = SegmentThresholds(video=0.8, audio=0.8, lip_sync=0.8)
CALIBRATION = Calibration(1.0, 0.4, 0.6, guarantee=ConformalGuarantee(0.1, 0.2, 9, 9), alarms=ALARM)


@pytest.fixture
def bundle(tiny_settings):
    detector = Detector(tiny_settings.model).eval()
    return Bundle((detector,), PreprocessingSettings(), CALIBRATION, 3, "full")


def make_scored(probability, is_fake, frames=10, peak=0.5):
    """A clip of one person, two frames of whom score ``peak``."""
    faces = np.full(frames, min(probability, 0.5))
    faces[:2] = peak
    log_odds = float(np.log(probability / (1 - probability)))
    score = SampleScore(log_odds, probability, probability, None, faces, np.zeros(0), np.zeros(1))
    labels = {"is_fake": is_fake, "fake_video": is_fake}
    return ScoredClip(replace(make_clip(), **labels), (score,), NO_FOOTAGE)


def count(bundle, clips):
    measured = measure_verdicts([to_score_row(clip, bundle) for clip in clips], 0.95)
    return (
        (measured.false_alarms, measured.inconclusive_reals),
        (measured.misses, measured.inconclusive_fakes),
    )


def test_verdicts_follow_from_the_thresholds(bundle):
    table = [(0.9, False), (0.5, False), (0.1, False), (0.1, False), (0.9, True), (0.2, True)]
    assert count(bundle, [make_scored(*row) for row in table]) == ((1, 1), (1, 0))


def test_a_fake_with_a_flagged_segment_is_inconclusive_and_not_missed(bundle):
    clips = [make_scored(0.07, True, peak=0.99), make_scored(0.07, True), make_scored(0.1, False)]
    assert count(bundle, clips) == ((0, 0), (1, 1))


def test_a_glimpse_of_a_face_is_inconclusive(bundle):
    clips = [make_scored(0.9, False, frames=4), make_scored(0.9, True)]
    assert count(bundle, clips) == ((0, 1), (0, 0))


def test_a_demonstration_model_decides_nothing_about_footage_without_a_domain(bundle):
    clips = [make_scored(0.9, True), make_scored(0.1, False)]
    assert count(replace(bundle, profile="demo"), clips) == ((0, 1), (0, 1))


def test_a_demonstration_model_decides_about_footage_like_its_calibration_clips(bundle):
    facts = len(NO_FOOTAGE)
    domain = CalibrationDomain(
        (0.0,) * facts, tuple(map(tuple, np.eye(facts).tolist())), (False,) * facts, 2.0, 0.1, 9
    )
    clips = [
        replace(make_scored(0.9, True), footage=np.full(facts, level))
        for level in (0.0, -1.9, -2.1)
    ]
    clips.append(replace(make_scored(0.1, False), footage=np.zeros(facts)))
    assert count(replace(bundle, profile="demo", domain=domain), clips) == ((0, 0), (0, 1))
