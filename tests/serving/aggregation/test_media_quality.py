"""Facts are counted, and each note is said when it is true and only then."""

from dataclasses import replace

import numpy as np
import pytest

from unmask.records import MediaInfo
from unmask.serving.aggregation.media_quality import (
    MediaStatistics,
    build_notes,
    laplacian_variance,
)
from unmask.serving.report.model_card import Model, ReportedGuarantee
from unmask.serving.report.schema import Quality

MODEL = Model(
    sha256="0" * 64,
    phase=1,
    profile="full",
    frame_backbone="b3",
    voice_backbone="w2v",
    temperature=1.0,
    real_below=0.4,
    fake_above=0.6,
)
GOOD = Quality(
    frames_sampled=50,
    frames_with_face=50,
    people=1,
    face_width_px=200.0,
    sharpness=90.0,
    sound_s=10.0,
    speech_s=8.0,
)


@pytest.fixture
def info(tmp_path):
    return MediaInfo(tmp_path / "a.mp4", "0" * 64, 1, 10.0, 25.0, 1280, 720, 0, "h264", "aac")


def said(info, model=MODEL, end_s=10.0, **facts):
    return " ".join(
        build_notes(MediaStatistics(end_s=end_s), GOOD.model_copy(update=facts), info, model)
    )


def test_good_material_needs_no_note(info):
    assert said(info) == ""


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"frames_with_face": 0, "people": 0, "face_width_px": None}, "No face was found"),
        ({"frames_with_face": 4}, "only 4 frame(s)"),
        ({"frames_with_face": 20}, "only 40% of the frames"),
        ({"face_width_px": 60.0}, "60 px wide"),
        ({"speech_s": 0.0}, "Nobody speaks"),
        ({"end_s": 4.0}, "4.0 s of the 10.0 s it announces"),
    ],
)
def test_what_limits_a_verdict_is_said(info, facts, words):
    assert words in said(info, **facts)


def test_a_missing_stream_is_said_once(info):
    silent = said(replace(info, audio_codec=None), sound_s=0.0, speech_s=0.0)
    assert "no sound" in silent
    assert "Nobody speaks" not in silent
    nothing = {"frames_sampled": 0, "frames_with_face": 0, "face_width_px": None}
    heard = said(replace(info, video_codec=None), **nothing)
    assert "no picture" in heard
    assert "No face" not in heard


def test_nothing_to_score_is_said(info):
    assert "nothing to score" in said(info, frames_with_face=0, speech_s=0.0)


def test_the_demonstration_model_says_that_it_is_one(info):
    assert "demonstration model" in said(info, MODEL.model_copy(update={"profile": "demo"}))


def test_sharpness_is_the_variance_of_a_laplacian_written_out(portrait):
    face = portrait[40:140, 100:200]
    grey = np.rint(face @ [0.299, 0.587, 0.114])
    up, down = np.roll(grey, 1, 0), np.roll(grey, -1, 0)
    left, right = np.roll(grey, 1, 1), np.roll(grey, -1, 1)
    slow = (up + down + left + right - 4 * grey)[1:-1, 1:-1]
    assert laplacian_variance(face) == pytest.approx(slow.var(), rel=0.1)


def test_blur_lowers_sharpness(portrait):
    import cv2

    assert (
        laplacian_variance(cv2.GaussianBlur(portrait, (0, 0), 3)) < laplacian_variance(portrait) / 5
    )


def test_what_the_thresholds_promise_is_said_with_its_clips_and_its_limits(info):
    enough = ReportedGuarantee(fpr=0.01, fnr=0.05, real_clips=120, fake_clips=60)
    words = said(info, MODEL.model_copy(update={"promise": enough}))
    for part in (
        "120 genuine",
        "60 fake",
        "1.0% of the genuine",
        "5.0% of the fakes",
        "a little more",
    ):
        assert part in words
    assert "never given" not in words


def test_a_verdict_that_is_never_given_is_said_to_be_so(info):
    few = ReportedGuarantee(fpr=0.01, fnr=0.1, real_clips=24, fake_clips=24)
    words = said(info, MODEL.model_copy(update={"promise": few}))
    assert "The verdict 'fake' is never given: 24 genuine" in words
    assert "it takes 99" in words
    assert "The verdict 'real'" not in words
