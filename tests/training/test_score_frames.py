from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.factories import make_clip
from unmask.config import PreprocessingSettings
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration, SegmentThresholds
from unmask.models.detector import Detector
from unmask.models.inference import score_samples
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import FakeSpan, ModelInput
from unmask.training.score_clips import score_clips
from unmask.training.score_frames import decision_thresholds, label_times, score_videos


@pytest.fixture
def bundle(tiny_settings):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = Detector(tiny_settings.model)
        torch.nn.init.normal_(detector.frame_head.weight)  # scores differ between frames
    calibration = Calibration(1.5, fake_above=0.5, alarms=SegmentThresholds(video=0.5))
    return Bundle((detector,), PreprocessingSettings(), calibration, 1, "full")


@pytest.fixture
def two_people(toy_load):
    """Load a clip with one person in frames 0, 1, 2 of five, and another in frames 2, 3, 4."""

    def load(clip):
        features = toy_load(clip)
        (person,) = features.people
        return replace(
            features, people=(_part(person, slice(0, 3), 0), _part(person, slice(2, 5), 1))
        )

    return load


def _part(person, frames, number):
    track = person.track
    arrays = {
        name: getattr(track, name)[frames]
        for name in ("time_s", "boxes_px", "landmarks_px", "pose_deg")
    }
    faces = person.faces[frames] if number == 0 else 255 - person.faces[frames]
    return replace(
        person,
        track=replace(track, person=number, **arrays),
        faces=faces,
        flow=person.flow[frames],
        landmarks=person.landmarks[frames],
    )


def frame_probabilities(bundle, features):
    """Probability of each person's frames, by the time of the frame."""
    scores = score_samples(bundle, to_model_inputs(features))
    return [
        dict(zip(person.track.time_s.tolist(), score.frame_probabilities.tolist(), strict=True))
        for person, score in zip(features.people, scores, strict=True)
    ]


def test_without_a_number_of_frames_a_clip_has_the_row_of_score_clips(bundle, toy_clips, toy_load):
    videos, problems = score_videos(bundle, toy_clips[:4], toy_load)
    rows = score_clips(bundle, toy_clips[:4], toy_load)
    assert tuple(replace(video.row, verdict="fake") for video in videos) == tuple(
        replace(row, verdict="fake") for row in rows
    )
    assert problems == {}
    assert [video.called_fake for video in videos] == [
        video.row.probability > 0.5 for video in videos
    ]


def test_a_frame_has_the_highest_score_of_its_faces(bundle, toy_clips, two_people):
    ((video,), _) = score_videos(bundle, toy_clips[:1], two_people)
    first, second = frame_probabilities(bundle, two_people(toy_clips[0]))
    expected = [
        max(p for person in (first, second) if (p := person.get(n / 5)) is not None)
        for n in range(5)
    ]
    np.testing.assert_allclose(video.frames.probabilities, expected)
    assert first[0.4] != second[0.4]
    np.testing.assert_array_equal(video.frames.called_fake, np.array(expected) > 0.5)


@pytest.mark.parametrize(
    ("frames", "chosen"), [(1, [0]), (2, [0, 4]), (3, [0, 2, 4]), (32, [0, 1, 2, 3, 4])]
)
def test_a_clip_has_the_mean_of_evenly_spaced_frames_without_sound(
    bundle, toy_clips, toy_load, frames, chosen
):
    ((video,), _) = score_videos(bundle, toy_clips[:1], toy_load, frames)
    (sample,) = to_model_inputs(toy_load(toy_clips[0]))
    silent = ModelInput(
        *(sample.faces[chosen], sample.flow[chosen], np.zeros(0, np.float32), np.zeros(0, bool)),
        times_s=sample.times_s[chosen],
    )
    (score,) = score_samples(bundle, [silent])
    np.testing.assert_allclose(video.frames.probabilities, score.frame_probabilities)
    assert video.row.probability == pytest.approx(score.frame_probabilities.mean())
    assert video.row.logit == pytest.approx(
        np.log(video.row.probability / (1 - video.row.probability))
    )
    assert video.row.audio_probability is None


def test_evenly_spaced_frames_are_those_of_all_people_of_a_clip(bundle, toy_clips, two_people):
    ((video,), _) = score_videos(bundle, toy_clips[:1], two_people, frames=3)
    assert len(video.frames.probabilities) == 3  # frame 0 of the first, 2 of both, 4 of the second


def test_a_clip_that_cannot_be_scored_is_named_with_its_reason(
    bundle, toy_clips, toy_load, rename_clip
):
    clips = rename_clip(toy_clips[:4], "train", 0, "broken")
    clips = rename_clip(clips, "train", 1, "faceless-silent")
    clips = rename_clip(clips, "train", 2, "faceless")
    videos, problems = score_videos(bundle, clips, toy_load)
    assert [video.row.clip_id for video in videos] == [clips[2].clip_id, clips[3].clip_id]
    assert "cannot be decoded" in problems[clips[0].clip_id]
    assert problems[clips[1].clip_id] == "neither a face nor sound in the clip"
    assert len(videos[0].frames.probabilities) == 0
    videos, problems = score_videos(bundle, clips, toy_load, frames=2)
    assert [video.row.clip_id for video in videos] == [clips[3].clip_id]
    assert problems[clips[2].clip_id] == "no face in the clip"


def test_the_threshold_of_clips_with_lip_sync_is_not_that_of_clips_without(
    bundle, toy_clips, toy_load
):
    never = Calibration(1.5, fake_above=1.0, alone=Calibration(1.5, fake_above=0.0))
    ((video,), _) = score_videos(replace(bundle, calibration=never), toy_clips[:1], toy_load)
    assert video.row.sync_probability is None
    assert video.called_fake


def test_decisions_are_taken_at_the_thresholds_of_verdict_and_segments():
    alone = Calibration(fake_above=0.8)
    calibration = Calibration(fake_above=0.7, alone=alone, alarms=SegmentThresholds(video=0.9))
    thresholds = {"clip": 0.7, "clip_without_lip_sync": 0.8, "frame": 0.9}
    assert decision_thresholds(calibration) == thresholds
    assert decision_thresholds(alone)["clip_without_lip_sync"] == 0.8


TIMES_S = np.array([0.0, 0.5, 1.0, 1.5])


def test_frames_have_the_label_of_the_face_or_else_of_the_clip():
    for clip, expected in (
        (make_clip(), False),
        (make_clip(fake_video=True), True),
        (make_clip(fake_audio=True), False),
        (make_clip(mismatched=True), False),
        (make_clip(fake_video=None, fake_audio=None), True),
    ):
        assert label_times(clip, TIMES_S, "video").tolist() == [expected] * 4


def test_frames_outside_of_forged_segments_are_genuine():
    spans = FakeSpan(0.5, 1.0, "video"), FakeSpan(1.2, 2.0, "video"), FakeSpan(0.0, 2.0, "audio")
    clip = make_clip(fake_video=True, fake_audio=True, fake_periods=spans)
    assert label_times(clip, TIMES_S, "video").tolist() == [False, True, False, True]


def test_segments_of_sound_alone_leave_the_frames_genuine():
    clip = make_clip(fake_audio=True, fake_periods=(FakeSpan(0.5, 1.0, "audio"),))
    assert not label_times(clip, TIMES_S, "video").any()
    assert label_times(clip, TIMES_S, "audio").tolist() == [False, True, False, False]
