"""Each note appears when it applies, and only then."""

from dataclasses import replace

import pytest

from unmask.models.calibration.platt import ConformalGuarantee
from unmask.records import MediaInfo
from unmask.serving.report.model_card import Model, ReportedGuarantee
from unmask.serving.report.quality import Quality
from unmask.serving.report_notes import build_notes, describe_untrained

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


def notes(info, model=MODEL, guarantee=None, decoded_end_s=10.0, **quality):
    quality = GOOD.model_copy(update=quality)
    guarantee = guarantee or ConformalGuarantee()
    return " ".join(build_notes(quality, info, model, guarantee, decoded_end_s))


def test_good_material_gets_no_note(info):
    assert notes(info) == ""
    assert notes(info, missing_audio_s=0.05) == ""  # an encoder's silence, not a loss


def test_picture_that_stands_still_is_told(info):
    assert "stands still in 97% of the sampled frames" in notes(info, still_share=0.97)
    assert notes(info, still_share=0.3) == ""


@pytest.mark.parametrize(("hdr", "name"), [("pq", "PQ"), ("hlg", "HLG")])
def test_hdr_is_told(info, hdr, name):
    assert f"HDR ({name}) and was tone-mapped" in notes(replace(info, hdr=hdr))


def test_angle_that_was_not_applied_is_told(info):
    assert "by +12° more than the 90°" in notes(replace(info, rotation_deg=90, tilt_deg=12.0))
    assert notes(replace(info, mirrored=True, rotation_deg=90, tilt_deg=0.4)) == ""


@pytest.mark.parametrize(
    ("quality", "message"),
    [
        (
            {"frames_with_face": 0, "people": 0, "face_width_px": None},
            "No face was found in the 50",
        ),
        ({"frames_with_face": 4}, "only 4 frame(s)"),
        ({"frames_with_face": 20}, "only 40% of the sampled frames"),
        ({"face_width_px": 60.0}, "60 px wide"),
        ({"speech_s": 0.0}, "No speech was detected"),
        ({"missing_audio_s": 2.04}, "2.0 s of the sound are missing"),
        ({"decoded_end_s": 4.0}, "only 4.0 s of its stated 10.0 s could be decoded"),
    ],
)
def test_limited_material_gets_a_note(info, quality, message):
    assert message in notes(info, **quality)


def test_missing_stream_gets_one_note(info):
    without_audio = notes(replace(info, audio_codec=None), sound_s=0.0, speech_s=0.0)
    assert "no audio stream" in without_audio
    assert "No speech" not in without_audio
    no_frames = {"frames_sampled": 0, "frames_with_face": 0, "face_width_px": None}
    without_video = notes(replace(info, video_codec=None), **no_frames)
    assert "no video stream" in without_video
    assert "No face" not in without_video


def test_demonstration_model_is_named(info):
    assert "demonstration model" in notes(info, MODEL.model_copy(update={"profile": "demo"}))


def test_guarantee_is_stated_with_its_clips_and_limits(info):
    text = notes(info, guarantee=ConformalGuarantee(0.01, 0.05, 120, 60, 9))
    for part in (
        "120 genuine and 60 fake clips of 9 people",
        "1.0% of genuine clips",
        "5.0% of fakes",
        "among clips drawn in the same way",
        "does not hold for other kinds of footage",
    ):
        assert part in text
    assert "never given" not in text


def test_a_guarantee_by_person_speaks_of_new_people(info):
    guarantee = ConformalGuarantee(0.1, 0.1, 120, 60, 18, real_people=18, fake_people=18)
    assert "among clips of new people, drawn in the same way" in notes(info, guarantee=guarantee)
    few = replace(guarantee, fake_people=8)
    assert "8 people in the fake calibration clips" in notes(info, guarantee=few)


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"selection_clips": 36}, "was chosen on 36 other clips, of other people"),
        ({"folds": 5}, "cross-fitted in 5 folds"),
        ({}, "may also have chosen the epoch"),
    ],
)
def test_a_note_says_which_clips_chose_the_epoch(info, facts, sentence):
    guarantee = ConformalGuarantee(0.1, 0.1, 120, 60, 18)
    promise = ReportedGuarantee(fpr=0.1, fnr=0.1, real_clips=120, fake_clips=60, **facts)
    model = MODEL.model_copy(update={"promise": promise})
    text = notes(info, model, guarantee=guarantee)
    assert sentence in text
    assert ("holds approximately" in text) == ("selection_clips" not in facts)


def test_unreachable_verdict_is_stated(info):
    text = notes(info, guarantee=ConformalGuarantee(0.01, 0.1, 24, 24))
    assert "The verdict 'fake' is never given: 24 genuine" in text
    assert "at least 99 are needed" in text
    assert "The verdict 'real'" not in text


def test_time_that_was_left_out_or_lost_is_told(info):
    part = " ".join(build_notes(GOOD, info, MODEL, ConformalGuarantee(), 4.0, (2.0, 4.0)))
    assert part == "Only a part of the video was analyzed: from 2 s to 4 s."
    assert "2.4 s of the picture are missing" in notes(info, missing_picture_s=2.44)
    assert notes(info, missing_picture_s=0.2) == ""
    assert "only 10.0 s of its stated 14.0 s" in notes(replace(info, lost_end_s=4.0))


def test_clock_that_jumps_is_told_with_its_places(info):
    joined = replace(info, clock_jumps_s=(3.0, 7.5))
    assert "starts again or jumps at 3.0 s, 7.5 s" in notes(joined)
    assert "apart" not in notes(joined)
    assert "picture and sound may be apart" in notes(replace(joined, clocks_apart=True))


def test_video_tracks_that_were_not_looked_at_are_told(info):
    several = replace(info, video_index=1, video_tracks=2)
    assert "has 2 video tracks; stream 1 was analyzed" in notes(several)
    assert notes(replace(info, video_index=0, video_tracks=1)) == ""


def test_second_file_that_was_not_looked_at_is_told(info):
    joined = replace(info, size_bytes=9000, second_file_at=4000)
    assert "at byte 4000 of 9000; it was not looked at" in notes(joined)


def test_what_the_detector_was_trained_without_is_told_where_the_video_has_it(info):
    untrained = {"audio": "no clip has sound", "lip_sync": "no lips"}
    assert list(describe_untrained(untrained, info)) == [
        "The voice was not scored: the detector was trained without it (no clip has sound).",
        "Lips and sound were not compared: the detector was trained without it (no lips).",
    ]
    assert list(describe_untrained(untrained, replace(info, audio_codec=None))) == []
    (note,) = describe_untrained({"video": "no picture"}, replace(info, audio_codec=None))
    assert note.startswith("The faces were not scored")
