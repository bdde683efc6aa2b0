from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.factories import NO_FOOTAGE
from unmask.config import PreprocessingSettings
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration, OutputScales, PlattScale, SegmentThresholds
from unmask.models.calibration.segments import find_segments, intervals
from unmask.models.detector import Detector
from unmask.models.inference import SampleScore
from unmask.models.lipsync.network import SyncNet
from unmask.models.lipsync.scoring import NOT_SCORED, SyncScore
from unmask.training.calibration.segment_thresholds import (
    KINDS,
    fit_segment_thresholds,
)
from unmask.training.flagged_segments import count_flagged, peak_segment_scores
from unmask.training.scored_clip import ScoredClip

RATE = 0.1  # of windows of three seconds
PER_HOUR = RATE * 1200
UNIT = OutputScales()


@pytest.fixture
def bundle(tiny_settings):
    """Only its sampling rates are used."""
    with torch.random.fork_rng():
        members, sync = (Detector(tiny_settings.model),), SyncNet(8)
    return Bundle(members, PreprocessingSettings(), Calibration(), 3, "demo", sync=sync)


def make_score(faces, steps=(), lips=None):
    sync = NOT_SCORED
    if lips is not None:
        times_s = np.arange(len(lips)) / 5
        sync = SyncScore(0.5, 0.0, 0.9, times_s, np.array(lips), np.zeros(len(lips)))
    return SampleScore(
        logit=0.0,
        probability=0.5,
        video_probability=0.5,
        audio_probability=0.5,
        frame_probabilities=np.array(faces, float),
        step_probabilities=np.array(steps, float),
        member_logits=np.zeros(1),
        sync=sync,
    )


@pytest.fixture
def make_scored(toy_clips):
    """Score clips with the same distribution of scores, apart from a random offset per clip."""

    def make(clips, seed, is_fake=False):
        rng = np.random.default_rng(seed)
        scored = []
        for number in range(clips):
            shift = rng.normal()
            faces, steps, lips = (
                1 / (1 + np.exp(-shift - rng.normal(size=size))) for size in (15, 150, 10)
            )
            label = {"is_fake": is_fake, "fake_video": is_fake, "fake_audio": False}
            clip = replace(toy_clips[0], clip_id=str(number), identity=str(number), **label)
            score = make_score(faces, steps, lips)
            scored.append(ScoredClip(clip, (score,), NO_FOOTAGE, end_s=3.0))
        return scored

    return make


def test_peaks_are_those_of_the_person_with_the_highest_score(bundle, toy_clips):
    people = (make_score([0.2, 0.2, 0.9]), make_score([0.5, 0.4, 0.4], lips=[0.7, 0.6, 0.1]))
    peaks = peak_segment_scores(bundle, ScoredClip(toy_clips[0], people, NO_FOOTAGE))
    assert peaks == {"video": pytest.approx(0.4), "lip_sync": pytest.approx(0.6)}


def test_each_scale_is_applied_before_peaks_are_taken(bundle, toy_clips):
    clip = ScoredClip(toy_clips[0], (make_score([0.8, 0.8], [0.9] * 40),), NO_FOOTAGE)
    scales = OutputScales(frame=PlattScale(2.0), second=PlattScale(1.0, -np.log(3)))
    peaks = peak_segment_scores(bundle, clip, scales)
    assert peaks["video"] == pytest.approx(2 / 3)  # odds of 4, and their square root
    assert peaks["audio"] == pytest.approx(0.75)


@pytest.mark.parametrize("kind", KINDS)
def test_new_genuine_clips_exceed_a_threshold_at_the_target_rate(bundle, make_scored, kind):
    shares = []
    for seed in range(40):
        thresholds = fit_segment_thresholds(bundle, make_scored(19, seed), UNIT, PER_HOUR)
        peaks = [peak_segment_scores(bundle, clip) for clip in make_scored(50, 1000 + seed)]
        shares.append(np.mean([peak[kind] > getattr(thresholds, kind) for peak in peaks]))
    assert 0.05 < np.mean(shares) <= RATE + 0.02


def test_a_clip_exceeds_the_threshold_exactly_if_it_has_a_segment(bundle, make_scored):
    thresholds = fit_segment_thresholds(bundle, make_scored(19, 0), UNIT, PER_HOUR)
    for clip in make_scored(50, 1):
        faces = clip.scores[0].frame_probabilities
        edges = intervals(np.arange(len(faces)) / 5, 0.2)
        has_segment = bool(list(find_segments(faces, edges, thresholds.video)))
        assert has_segment == (peak_segment_scores(bundle, clip)["video"] > thresholds.video)


def test_fakes_do_not_count(bundle, make_scored):
    genuine = make_scored(19, 0)
    assert fit_segment_thresholds(
        bundle, [*genuine, *make_scored(9, 1, is_fake=True)], UNIT, PER_HOUR
    ) == fit_segment_thresholds(bundle, genuine, UNIT, PER_HOUR)


def test_people_count_and_not_their_clips(bundle, make_scored):
    people = make_scored(19, 0)
    often = [*people, *[people[0]] * 40]  # the same clip of one person, again and again
    assert fit_segment_thresholds(bundle, often, UNIT, PER_HOUR) == fit_segment_thresholds(
        bundle, people, UNIT, PER_HOUR
    )


def test_too_few_people_state_the_rate_that_they_bear(bundle, make_scored):
    genuine = make_scored(8, 0)
    thresholds = fit_segment_thresholds(bundle, genuine, UNIT, PER_HOUR)
    highest = max(peak_segment_scores(bundle, clip)["video"] for clip in genuine)
    assert (thresholds.video, thresholds.per_hour) == (highest, pytest.approx(1200 / 9))


def test_without_genuine_clips_thresholds_are_neutral_and_promise_nothing(bundle, make_scored):
    fakes = make_scored(8, 0, is_fake=True)
    thresholds = fit_segment_thresholds(bundle, fakes, UNIT, PER_HOUR)
    assert thresholds == SegmentThresholds(0.5, 0.5, 0.5, per_hour=0.0)


def test_segments_are_counted_by_kind(bundle, toy_clips):
    people = (make_score([0.9, 0.9, 0, 0, 0, 0, 0.9, 0.9]), make_score([0.9, 0.9]))
    scored = ScoredClip(toy_clips[0], people, NO_FOOTAGE, end_s=2.0)
    counts = [count_flagged(bundle, scored, kind) for kind in KINDS]
    assert counts == [3, None, None]
