from dataclasses import replace

import numpy as np
import pytest

from unmask.config import PreprocessingSettings
from unmask.data.splits import select_split
from unmask.errors import DataError
from unmask.models.bundle import Bundle, save_bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.models.inference import score_samples
from unmask.preprocessing.prepare import to_model_inputs
from unmask.training.score_clips import score_clips, score_split


@pytest.fixture
def bundle(tiny_settings):
    detector = Detector(tiny_settings.model)
    return Bundle((detector,), PreprocessingSettings(), Calibration(1.5), 1, "demo")


def test_a_row_has_the_labels_of_its_clip_and_the_score_of_its_person(bundle, toy_clips, toy_load):
    rows = score_clips(bundle, toy_clips[:6], toy_load)
    for row, clip in zip(rows, toy_clips, strict=False):
        assert (row.clip_id, row.identity, row.split) == (clip.clip_id, clip.identity, clip.split)
        assert (row.is_fake, row.fake_video, row.fake_audio) == (
            clip.is_fake,
            clip.fake_video,
            clip.fake_audio,
        )
        (score,) = score_samples(bundle, to_model_inputs(toy_load(clip)))
        expected = score.logit, score.probability, score.video_probability, score.audio_probability
        got = row.logit, row.probability, row.video_probability, row.audio_probability
        assert got == pytest.approx(expected, rel=1e-12)


def test_a_clip_that_cannot_be_scored_is_logged_and_has_no_row(
    bundle, toy_clips, toy_load, rename_clip, caplog
):
    clips = rename_clip(toy_clips, "test", 0, "broken")
    clips = [clip for clip in clips if clip.split == "test"]
    rows = score_clips(bundle, clips, toy_load)
    assert [row.clip_id for row in rows] == [clip.clip_id for clip in clips[1:]]
    assert "broken-test-0 was not scored: /nowhere/test-0.mp4: cannot be decoded" in caplog.text


def test_clips_without_a_score_are_refused(bundle, toy_clips, toy_load):
    clips = [replace(toy_clips[0], clip_id="broken")]
    with pytest.raises(DataError, match="none of 1 clips"):
        score_clips(bundle, clips, toy_load)


def test_a_split_without_clips_is_refused(tmp_path, bundle, toy_clips):
    save_bundle(tmp_path / "b", bundle)
    train = [clip for clip in toy_clips if clip.split == "train"]
    with pytest.raises(DataError, match="no clip is in split 'test'"):
        score_split(tmp_path / "b", train, "test", None)


def test_the_clips_of_one_split_are_scored(tmp_path, bundle, toy_clips, toy_load, monkeypatch):
    save_bundle(tmp_path / "b", bundle)
    monkeypatch.setattr(
        "unmask.training.score_clips.make_feature_loader", lambda settings, cache, clips: toy_load
    )
    rows = score_split(tmp_path / "b", toy_clips, "test", None)
    assert [row.clip_id for row in rows] == [
        clip.clip_id for clip in select_split(toy_clips, "test")
    ]


def test_a_bug_that_one_clip_triggers_costs_its_score_alone(
    bundle, toy_clips, toy_load, monkeypatch, caplog
):
    clips = select_split(toy_clips, "test")
    bright = to_model_inputs(toy_load(clips[1]))[0]

    def score(bundle, samples, passes):
        if np.array_equal(samples[0].faces, bright.faces):
            raise IndexError("list index out of range")
        return score_samples(bundle, samples, passes=passes)

    monkeypatch.setattr("unmask.models.window_scores.score_samples", score)
    rows = score_clips(bundle, clips, toy_load)
    assert [row.clip_id for row in rows] == [c.clip_id for c in clips if c is not clips[1]]
    assert "test-1 was not scored: /nowhere/test-1.mp4: IndexError" in caplog.text


def test_scores_without_a_tenth_of_the_clips_are_refused(bundle, toy_clips, toy_load, rename_clip):
    clips = rename_clip(rename_clip(toy_clips, "test", 0, "broken"), "test", 1, "broken")
    with pytest.raises(DataError, match="2 of 12 clips cannot be used"):
        score_clips(bundle, select_split(clips, "test"), toy_load)


@pytest.fixture
def video_bundle(tiny_settings):
    """A detector that uses faces alone, as training on silent clips leaves it."""
    detector = Detector(tiny_settings.model.replace(modalities=("video",)))
    return Bundle((detector,), PreprocessingSettings(), Calibration(), 1, "demo")


def test_sound_alone_is_no_loss_to_a_detector_of_faces(video_bundle, toy_clips, toy_load, caplog):
    videos = [clip for clip in toy_clips if clip.split == "test"]
    sounds = [replace(clip, clip_id=f"{clip.clip_id}-sound", width=0) for clip in videos]
    rows = score_clips(video_bundle, [*videos, *sounds], toy_load)
    assert [row.clip_id for row in rows] == [clip.clip_id for clip in videos]
    count = len(videos)
    assert f"{count} of {2 * count} clips have no video, and the detector" in caplog.text


def test_a_video_without_a_face_is_lost(video_bundle, toy_clips, toy_load):
    def load(clip):
        features = toy_load(clip)
        return replace(features, people=()) if clip.clip_id.endswith("faceless") else features

    videos = [clip for clip in toy_clips if clip.split == "test"]
    faceless = [replace(clip, clip_id=f"{clip.clip_id}-faceless") for clip in videos]
    with pytest.raises(DataError, match=f"{len(videos)} of {2 * len(videos)} clips cannot be used"):
        score_clips(video_bundle, [*videos, *faceless], load)
