from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unmask.errors import DataError, MediaError
from unmask.records import Clip, FaceTrack, MediaInfo, ModelInput, Waveform

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


def test_a_clip_is_fake_exactly_when_its_picture_or_its_sound_is():
    for video in (False, True):
        for audio in (False, True):
            right = video or audio
            assert replace(CLIP, is_fake=right, fake_video=video, fake_audio=audio).is_fake == right
            with pytest.raises(DataError, match="contradicts"):
                replace(CLIP, is_fake=not right, fake_video=video, fake_audio=audio)


def test_an_unknown_split_is_refused_by_name():
    with pytest.raises(DataError, match="holdout"):
        replace(CLIP, split="holdout")


def test_stereo_is_refused():
    with pytest.raises(MediaError, match="mono"):
        Waveform(np.zeros((2, 100), np.float32))


def test_duration_is_samples_over_rate():
    assert Waveform(np.zeros(24_000, np.float32)).duration_s == 1.5


def test_a_track_whose_rows_differ_in_number_is_refused():
    good = {
        "time_s": np.zeros(2),
        "boxes_px": np.zeros((2, 4), np.float32),
        "landmarks_px": np.zeros((2, 68, 2), np.float32),
        "pose_deg": np.zeros((2, 3), np.float32),
    }
    FaceTrack(person=0, **good)
    for name, value in good.items():
        with pytest.raises(MediaError, match="face track 0"):
            FaceTrack(person=0, **{**good, name: value[:1]})


def test_sound_and_speech_mask_must_be_equally_long():
    faces = np.zeros((0, 224, 224, 3), np.uint8)
    with pytest.raises(MediaError, match="speech mask"):
        ModelInput(faces, None, np.zeros(10, np.float32), np.zeros(9, np.bool_))


def test_a_container_without_a_stream_says_so():
    info = MediaInfo(Path("a.wav"), "0" * 64, 10, 1.0, 0.0, 0, 0, 0, None, "pcm_s16le")
    assert (info.has_video, info.has_audio) == (False, True)
