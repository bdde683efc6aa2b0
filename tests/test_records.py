"""Validation of the frozen records."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unmask.errors import DataError, MediaError
from unmask.records import Clip, FaceTrack, MediaInfo, ModelInput, MouthCrops, Waveform

CLIP = Clip(
    clip_id="a",
    path=Path("a.mp4"),
    sha256="0" * 64,
    source="demo",
    identity="p1",
    split="train",
    is_fake=False,
    fake_video=False,
    fake_audio=False,
    manipulation="none",
    pair_id="a",
    duration_s=3.0,
    fps=25.0,
    width=256,
    height=256,
    has_audio=True,
    licence="CC0-1.0",
)


@pytest.mark.parametrize("video", [False, True, None])
@pytest.mark.parametrize("audio", [False, True, None])
@pytest.mark.parametrize("mismatched", [False, True])
def test_all_parts_of_a_genuine_clip_and_only_of_one_are_known_to_be_genuine(
    video, audio, mismatched
):
    parts = {"fake_video": video, "fake_audio": audio, "mismatched": mismatched}
    is_fake = not (video is False and audio is False and not mismatched)
    assert replace(CLIP, is_fake=is_fake, **parts).is_fake == is_fake
    with pytest.raises(DataError, match="contradicts"):
        replace(CLIP, is_fake=not is_fake, **parts)


def test_unknown_split_is_rejected_by_name():
    with pytest.raises(DataError, match="holdout"):
        replace(CLIP, split="holdout")


def test_stereo_is_rejected():
    with pytest.raises(MediaError, match="mono"):
        Waveform(np.zeros((2, 100), np.float32))


def test_duration_is_number_of_samples_over_rate():
    assert Waveform(np.zeros(24_000, np.float32)).duration_s == 1.5


def test_face_track_with_rows_of_different_number_is_rejected():
    valid = {
        "time_s": np.zeros(2),
        "boxes_px": np.zeros((2, 4), np.float32),
        "landmarks_px": np.zeros((2, 68, 2), np.float32),
        "pose_deg": np.zeros((2, 3), np.float32),
    }
    FaceTrack(person=0, **valid)
    for name, value in valid.items():
        with pytest.raises(MediaError, match="face track 0"):
            FaceTrack(person=0, **{**valid, name: value[:1]})


def test_speech_mask_must_be_as_long_as_the_waveform():
    faces = np.zeros((0, 224, 224, 3), np.uint8)
    with pytest.raises(MediaError, match="speech mask"):
        ModelInput(faces, None, np.zeros(10, np.float32), np.zeros(9, np.bool_))


def test_media_info_states_which_streams_are_present():
    info = MediaInfo(Path("a.wav"), "0" * 64, 10, 1.0, 0.0, 0, 0, 0, None, "pcm_s16le")
    assert (info.has_video, info.has_audio) == (False, True)


@pytest.mark.parametrize("name", ["landmarks", "pose_deg", "times_s", "shots"])
def test_model_input_needs_one_row_of_each_kind_per_face(name):
    faces, audio = np.zeros((3, 224, 224, 3), np.uint8), np.zeros(0, np.float32)
    with pytest.raises(MediaError, match="3 faces"):
        ModelInput(faces, None, audio, audio.astype(np.bool_), **{name: np.zeros((2, 3))})


def test_mouth_crops_must_be_square_and_complete():
    with pytest.raises(MediaError, match="shape"):
        MouthCrops(np.zeros((2, 48, 32), np.uint8), np.zeros(2), np.zeros(2, np.float32), 25.0)
    with pytest.raises(MediaError, match="2 crops, 1 times"):
        MouthCrops(np.zeros((2, 48, 48), np.uint8), np.zeros(1), np.zeros(2, np.float32), 25.0)
