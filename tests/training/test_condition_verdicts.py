"""Verdicts on re-encoded test clips agree with scoring the re-encoded files."""

from dataclasses import replace

import numpy as np
import pytest

from tests.factories import make_clip
from unmask.config import (
    CodecSettings,
    EvaluationSettings,
    FaceSettings,
    PreprocessingSettings,
    SpeechSettings,
)
from unmask.config.codec_conditions import parse_condition
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.evaluation.measured_verdicts import measure_verdicts
from unmask.models.bundle import load_bundle
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.transcode import transcode
from unmask.training.condition_verdicts import measure_conditions
from unmask.training.score_clips import score_clips

PREPROCESSING = PreprocessingSettings(
    faces=FaceSettings(max_side_px=320), speech=SpeechSettings(method="energy")
)


@pytest.fixture(scope="module")
def clips(tmp_path_factory, make_video):
    folder = tmp_path_factory.mktemp("videos")
    rows = []
    for number in range(4):
        path = make_video(folder / f"{number}.mp4", times=np.arange(0, 1, 0.04), size=(320, 240))
        clip = make_clip(clip_id=str(number), path=path, identity=str(number // 2), split="test")
        labels = {"is_fake": number % 2 == 1, "fake_video": number % 2 == 1}
        rows.append(replace(clip, sha256=f"{number:064x}", **labels))
    return tuple(rows)


@pytest.fixture(scope="module")
def scorer(bundle_folder):
    return replace(load_bundle(bundle_folder), preprocessing=PREPROCESSING)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def measured(scorer, clips, cache):
    settings = CodecSettings(cells=("h264:43", "half", "opus:8"), jobs=1)
    return measure_conditions(scorer, clips, cache, settings, EvaluationSettings())


def test_verdicts_are_those_on_the_re_encoded_files(measured, scorer, clips, cache):
    assert [each.condition for each in measured] == ["original", "h264:43", "half", "opus:8"]
    load = make_feature_loader(PREPROCESSING, cache)
    for each in measured[1:3]:
        condition = parse_condition(each.condition)
        files = [replace(c, path=transcode(c.path, condition, cache).path) for c in clips]
        expected = measure_verdicts(score_clips(scorer, files, load), 0.95)
        assert each.verdicts == replace(expected, by_manipulation=())


def test_facts_follow_what_a_condition_changes(measured):
    original, strong, half, sound = (each.facts for each in measured)
    assert strong["bits_per_pixel"] < original["bits_per_pixel"]
    if "face_width_px" in original:
        assert half["face_width_px"] == pytest.approx(original["face_width_px"] / 2, rel=0.2)
    assert sound["bits_per_pixel"] == original["bits_per_pixel"]
    assert sound["noise"] == original["noise"]


def test_the_codec_of_the_clips_is_named(measured, clips):
    assert measured[0].video_codec == probe(clips[0].path).video_codec
    assert {each.video_codec for each in measured[1:3]} == {"h264"}


def test_without_conditions_the_original_clips_are_measured(scorer, clips, cache):
    (only,) = measure_conditions(scorer, clips, cache, CodecSettings(), EvaluationSettings())
    assert only.condition == "original"


def test_clips_of_one_class_give_no_rates(scorer, clips, cache):
    reals = [clip for clip in clips if not clip.is_fake]
    assert measure_conditions(scorer, reals, cache, CodecSettings(), EvaluationSettings()) == ()
