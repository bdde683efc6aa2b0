"""Transcoding and preprocessing of many clips."""

import pytest

from unmask.config import PreprocessingSettings, SpeechSettings
from unmask.config.codec_conditions import parse_condition
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.prepare import prepare_clip
from unmask.preprocessing.timing import StageTimer
from unmask.preprocessing.transcode_batch import transcode_clips
from unmask.records import Clip

SETTINGS = PreprocessingSettings(speech=SpeechSettings(method="energy"))
CONDITIONS = [parse_condition(name) for name in ("h264:30", "aac:24")]


def make_clip(clip_id, path):
    labels = {"is_fake": False, "fake_video": False, "fake_audio": False, "manipulation": "none"}
    media = {"duration_s": 0.4, "fps": 25.0, "width": 320, "height": 240, "has_audio": True}
    return Clip(
        clip_id, path, "0" * 64, source="test", identity=clip_id, split="test", pair_id=clip_id,
        licence="", **labels, **media,
    )  # fmt: skip


@pytest.fixture
def clips(make_video, tmp_path):
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(b"not a video")
    return [
        make_clip("talking", make_video(tmp_path / "a.mp4", seconds=0.4)),
        make_clip("silent", make_video(tmp_path / "b.mp4", seconds=0.4, audio=False)),
        make_clip("damaged", damaged),
    ]


@pytest.fixture
def results(clips, tmp_path):
    results = transcode_clips(clips, CONDITIONS, SETTINGS, Cache(tmp_path / "cache"), jobs=1)
    return {(result.clip_id, result.condition): result for result in results}


def test_each_clip_has_a_result_under_each_condition(results):
    assert set(results) == {
        (clip, condition.name)
        for clip in ("talking", "silent", "damaged")
        for condition in CONDITIONS
    }
    assert results["talking", "h264:30"].transcoded.psnr_db > 25
    assert results["talking", "aac:24"].transcoded.psnr_db is None


def test_clip_without_a_matching_stream_is_not_transcoded(results):
    result = results["silent", "aac:24"]
    assert (result.transcoded, result.error) == (None, "")


def test_damaged_clip_is_reported_and_does_not_stop_the_others(results):
    for condition in CONDITIONS:
        assert "damaged.mp4" in results["damaged", condition.name].error


def test_transcoded_clips_are_preprocessed(results, tmp_path):
    timer = StageTimer()
    path = results["talking", "h264:30"].transcoded.path
    features = prepare_clip(path, SETTINGS, Cache(tmp_path / "cache"), timer)
    assert features.frames_sampled == 2
    assert sum(timer.seconds.values()) == 0


def test_bug_that_a_clip_triggers_is_its_error(clips, tmp_path, monkeypatch):
    monkeypatch.setattr("unmask.preprocessing.transcode_batch.transcode", lambda *_: 1 / 0)
    cache = Cache(tmp_path / "cache")
    (result,) = transcode_clips(clips[:1], CONDITIONS[:1], SETTINGS, cache, jobs=1)
    assert "a.mp4: ZeroDivisionError" in result.error
