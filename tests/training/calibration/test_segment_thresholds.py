"""What stands out along time: as seldom in genuine clips as is promised."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.config import PreprocessingSettings
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration, SegmentThresholds
from unmask.models.calibration.segments import find_segments, intervals
from unmask.models.detector import Detector
from unmask.models.inference import SampleScore
from unmask.models.lipsync.network import SyncNet
from unmask.models.lipsync.scoring import NOT_SCORED, SyncScore
from unmask.training.calibration.segment_thresholds import (
    KINDS,
    fit_segment_thresholds,
    peak_segment_scores,
)
from unmask.training.score_clips import ScoredClip

FPR = 0.1


@pytest.fixture
def bundle(tiny_settings):
    """Only its clocks are asked for."""
    with torch.random.fork_rng():
        members, sync = (Detector(tiny_settings.model),), SyncNet(8)
    return Bundle(members, PreprocessingSettings(), Calibration(), 3, "demo", sync=sync)


def a_score(faces, steps=(), moments=None):
    sync = NOT_SCORED
    if moments is not None:
        times_s = np.arange(len(moments)) / 5
        sync = SyncScore(0.5, 0.0, 0.9, times_s, np.array(moments), np.zeros(len(moments)))
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
def scored(toy_clips):
    """Clips whose moments are drawn alike, each clip a little higher or lower than others."""

    def make(clips, seed, is_fake=False):
        rng = np.random.default_rng(seed)
        made = []
        for number in range(clips):
            shift = rng.normal()
            faces, steps, moments = (
                1 / (1 + np.exp(-shift - rng.normal(size=size))) for size in (15, 150, 10)
            )
            label = {"is_fake": is_fake, "fake_video": is_fake, "fake_audio": False}
            clip = replace(toy_clips[0], clip_id=str(number), **label)
            made.append(ScoredClip(clip, (a_score(faces, steps, moments),)))
        return made

    return make


def test_heights_are_those_of_the_highest_person(bundle, toy_clips):
    people = (a_score([0.2, 0.2, 0.9]), a_score([0.5, 0.4, 0.4], moments=[0.7, 0.6, 0.1]))
    found = peak_segment_scores(bundle, ScoredClip(toy_clips[0], people))
    assert found == {"video": pytest.approx(0.4), "lip_sync": pytest.approx(0.6)}


def test_heights_are_read_after_the_temperature(bundle, toy_clips):
    one = ScoredClip(toy_clips[0], (a_score([0.8, 0.8], [0.9] * 40),))
    found = peak_segment_scores(bundle, one, temperature=2.0)
    assert found["video"] == pytest.approx(2 / 3)  # odds of 4, and their root
    assert found["audio"] == pytest.approx(0.75)


@pytest.mark.parametrize("kind", KINDS)
def test_of_new_genuine_clips_a_promised_share_stands_out(bundle, scored, kind):
    shares = []
    for seed in range(40):
        alarms = fit_segment_thresholds(bundle, scored(19, seed), 1.0, FPR)
        new = [peak_segment_scores(bundle, one) for one in scored(50, 1000 + seed)]
        shares.append(np.mean([clip[kind] > getattr(alarms, kind) for clip in new]))
    assert 0.05 < np.mean(shares) <= FPR + 0.02


def test_standing_out_is_having_a_stretch(bundle, scored):
    alarms = fit_segment_thresholds(bundle, scored(19, 0), 1.0, FPR)
    for one in scored(50, 1):
        faces = one.scores[0].frame_probabilities
        edges = intervals(np.arange(len(faces)) / 5, 0.2)
        any_stretch = bool(list(find_segments(faces, edges, alarms.video)))
        assert any_stretch == (peak_segment_scores(bundle, one)["video"] > alarms.video)


def test_fakes_do_not_count(bundle, scored):
    genuine = scored(19, 0)
    assert fit_segment_thresholds(
        bundle, [*genuine, *scored(9, 1, is_fake=True)], 1.0, FPR
    ) == fit_segment_thresholds(bundle, genuine, 1.0, FPR)


def test_too_few_clips_promise_nothing(bundle, scored):
    assert fit_segment_thresholds(bundle, scored(8, 0), 1.0, FPR) == SegmentThresholds(
        0.5, 0.5, 0.5
    )
