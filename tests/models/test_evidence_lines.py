"""A clip has one line per person for face and lip-sync, and one for the voice."""

from dataclasses import replace

import numpy as np
import pytest

from unmask.config import PreprocessingSettings, SamplingSettings
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.evidence_lines import (
    KINDS,
    NO_SCORES,
    PersonEvidence,
    TimedScores,
    evidence_lines,
    face_scores,
    lipsync_scores,
    voice_scores,
)
from unmask.models.inference import SampleScore
from unmask.models.lipsync.network import SyncNet
from unmask.models.lipsync.scoring import NOT_SCORED, SyncScore


@pytest.fixture
def bundle(tiny, make_detector):
    spec = PreprocessingSettings(sampling=SamplingSettings(rate_hz=4.0))
    return Bundle((make_detector(tiny),), spec, Calibration(), 3, "demo", sync=SyncNet(dim=8))


def make_score(frames=(), steps=(), sync=None):
    return SampleScore(
        0.0, 0.5, 0.5, None, np.array(frames), np.array(steps), np.zeros(1), sync=sync
    )


SYNC = SyncScore(0.4, 40.0, 0.9, np.array([1.0, 1.2]), np.array([0.3, 0.5]), np.array([40.0, 80.0]))


def test_lines_of_each_person_precede_the_voice(bundle):
    face = TimedScores(np.array([0.0, 0.25]), np.array([0.1, 0.9]))
    lips = TimedScores(np.array([1.0]), np.array([0.4]))
    voice = TimedScores(np.array([2.0]), np.array([0.6]))
    people = [PersonEvidence(3, face, lips), PersonEvidence(5, face, NO_SCORES)]
    lines = list(evidence_lines(bundle, people, voice))
    assert [(line.kind, line.person) for line in lines] == [
        ("video", 3),
        ("lip_sync", 3),
        ("video", 5),
        ("lip_sync", 5),
        ("audio", None),
    ]
    assert {line.kind for line in lines} == set(KINDS)
    # frames at 4 Hz, each until halfway to the next
    assert lines[0].intervals_s.tolist() == [[0.0, 0.125], [0.125, 0.375]]
    assert lines[1].intervals_s == pytest.approx(np.array([[1.0, 1.2]]))  # five ticks at 25 Hz
    assert lines[4].intervals_s == pytest.approx(np.array([[2.0, 2.2]]))  # bins of 200 ms
    assert len(lines[3].probabilities) == 0


def test_bundle_without_lip_sync_has_no_lip_sync_line(bundle):
    people = [PersonEvidence(0, NO_SCORES, NO_SCORES)]
    lines = evidence_lines(replace(bundle, sync=None), people, NO_SCORES)
    assert [line.kind for line in lines] == ["video", "audio"]


def test_clip_without_people_has_only_a_voice(bundle):
    voice = TimedScores(np.array([0.0]), np.array([0.6]))
    (line,) = evidence_lines(bundle, [], voice)
    assert (line.kind, line.person) == ("audio", None)


def test_peak_is_the_lowest_threshold_without_a_segment(bundle, rng):
    values = rng.random(30)
    people = [PersonEvidence(0, TimedScores(np.arange(30) / 4, values), NO_SCORES)]
    line = next(evidence_lines(bundle, people, NO_SCORES))
    assert list(line.segments(line.peak())) == []
    assert list(line.segments(np.nextafter(line.peak(), 0))) != []


def test_scores_of_a_window_are_shifted_to_the_video():
    score = make_score([0.2, 0.3], [0.8] * 20, SYNC)
    assert face_scores(score, np.array([30.0, 30.2])).probabilities.tolist() == [0.2, 0.3]
    voice = voice_scores([score], 30.0)
    assert voice.times_s == pytest.approx([30.0, 30.2])
    assert voice.probabilities == pytest.approx([0.8, 0.8])
    lips = lipsync_scores(score, 30.0)
    assert lips.times_s.tolist() == [31.0, 31.2]
    assert lips.probabilities.tolist() == [0.3, 0.5]


def test_silence_and_unjudged_lip_sync_give_no_scores():
    silent = make_score([0.5], [np.nan] * 20, NOT_SCORED)
    assert len(voice_scores([silent]).times_s) == 0
    assert voice_scores([]) is NO_SCORES
    assert len(lipsync_scores(silent).times_s) == 0
    assert lipsync_scores(make_score([0.5])) is NO_SCORES
