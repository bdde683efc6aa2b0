import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from unmask.config import (
    CodecSettings,
    EvaluationSettings,
    FaceSettings,
    PreprocessingSettings,
    SpeechSettings,
)
from unmask.config.codec_conditions import parse_condition
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.errors import ConfigError, DataError
from unmask.models.inference import score_samples
from unmask.models.scoring_bundle import not_trained
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.prepare import prepare_clip
from unmask.preprocessing.transcode import transcode
from unmask.robustness.codec_evaluation import evaluate_codecs
from unmask.training.score_clips import score_clips

EVALUATION = EvaluationSettings(resamples=20)
PREPROCESSING = PreprocessingSettings(
    faces=FaceSettings(max_side_px=320), speech=SpeechSettings(method="energy")
)
SETTINGS = CodecSettings(cells=("half", "aac:12"), jobs=1)


@pytest.fixture(scope="module")
def video_clips(tmp_path_factory, make_video, clips):
    """Four short videos of two people, every second one fake, one of them silent."""
    folder = tmp_path_factory.mktemp("videos")
    rows = []
    for number, clip in enumerate(clips[:4]):
        path = make_video(
            folder / f"{number}.mp4",
            times=np.arange(0, 0.6 + 0.2 * number, 0.04),
            size=(320 - 20 * number, 240),
            audio=number != 3,
        )
        fake = number in (1, 2)
        labels = {"is_fake": fake, "fake_video": fake}
        rows.append(replace(clip, path=path, identity=str(number // 2), **labels))
    return tuple(rows)


@pytest.fixture(scope="module")
def scorer(bundle):
    return replace(bundle, preprocessing=PREPROCESSING)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def report(scorer, video_clips, cache):
    return evaluate_codecs(scorer, video_clips, cache, SETTINGS, EVALUATION)


def test_rows_agree_with_scoring_the_re_encoded_files(report, scorer, video_clips, cache):
    labels = [clip.is_fake for clip in video_clips]

    def auc(clips):
        rows = score_clips(scorer, clips, make_feature_loader(PREPROCESSING, cache))
        return roc_auc_score(labels, [row.logit for row in rows])

    assert report.original.value == pytest.approx(auc(video_clips))
    assert [row.condition for row in report.rows] == list(SETTINGS.cells)
    for row in report.rows[:1]:
        condition = parse_condition(row.condition)
        transcoded = [
            replace(clip, path=transcode(clip.path, condition, cache).path) for clip in video_clips
        ]
        assert row.auc.value == pytest.approx(auc(transcoded))
        assert row.drop.value == pytest.approx(report.original.value - row.auc.value)
        assert 20 < row.psnr_db < 50
    assert report.rows[1].psnr_db is None
    assert report.clips == 4
    assert {row.lost for row in report.rows} == {0}


def test_an_audio_condition_changes_the_sound_only(scorer, video_clips, cache):
    """It leaves clips without sound unchanged."""
    silent = [replace(video_clips[3], clip_id=name, is_fake=fake, fake_video=fake, identity=name)
              for name, fake in (("a", True), ("b", False))]  # fmt: skip
    rerun = evaluate_codecs(
        scorer, silent, cache, CodecSettings(cells=("opus:6",), jobs=1), EVALUATION
    )
    assert rerun.rows[0].drop.value == 0
    transcoded = prepare_clip(
        transcode(video_clips[0].path, parse_condition("aac:12"), cache).path, PREPROCESSING, cache
    )
    clean = prepare_clip(video_clips[0].path, PREPROCESSING, cache)
    assert not transcoded.people
    length = min(len(transcoded.waveform.samples), len(clean.waveform.samples))
    gap = transcoded.waveform.samples[:length] - clean.waveform.samples[:length]
    assert 1e-4 < np.abs(gap).mean() < 0.1


def test_a_second_run_re_encodes_nothing(report, scorer, video_clips, cache):
    def files():
        return {path: path.stat().st_mtime_ns for path in cache.root.rglob("*.*")}

    before = files()
    assert evaluate_codecs(scorer, video_clips, cache, SETTINGS, EVALUATION) == report
    assert files() == before
    # as if interrupted before the last file: only that is made again
    lost = transcode(video_clips[0].path, parse_condition("half"), cache).path
    lost.unlink()
    again = evaluate_codecs(scorer, video_clips, cache, SETTINGS, EVALUATION)
    assert again.rows[1] == report.rows[1]
    assert again.rows[0].psnr_db == pytest.approx(report.rows[0].psnr_db, abs=0.2)
    changed = {path for path, stamp in files().items() if before.get(path) != stamp}
    assert {path.stem for path in changed if "codecs" in path.parts} == {lost.stem}


def test_a_clip_that_a_condition_breaks_counts_in_no_row(
    scorer, video_clips, cache, tmp_path, make_video
):
    tiny = make_video(tmp_path / "tiny.mp4", size=(2, 2), times=[0, 0.04], face=False)
    broken = replace(video_clips[1], clip_id="tiny", path=tiny)
    settings = CodecSettings(cells=("half", "aac:12"), jobs=1)
    rerun = evaluate_codecs(scorer, [*video_clips, broken], cache, settings, EVALUATION)
    assert rerun.clips == 4
    assert [row.lost for row in rerun.rows] == [1, 0]


def test_a_clip_too_long_for_the_memory_is_counted_and_a_bug_ends_the_test(
    scorer, video_clips, cache, monkeypatch, caplog
):
    errors = [torch.OutOfMemoryError("no memory for 9000 frames")]

    def score(bundle, samples, passes):
        if errors:
            raise errors.pop()
        return score_samples(bundle, samples, passes=passes)

    monkeypatch.setattr("unmask.models.window_scores.score_samples", score)
    settings = SETTINGS.replace(cells=("half",))
    people = [replace(clip, identity="x") for clip in video_clips]
    report = evaluate_codecs(scorer, people, cache, settings, EVALUATION)
    assert (report.unscored, report.clips) == (1, 3)
    assert "0.mp4 was not scored: no memory for 9000 frames" in caplog.text
    errors.append(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        evaluate_codecs(scorer, people, cache, settings, EVALUATION)


def test_clips_whose_streams_the_detector_does_not_use_are_not_counted(scorer, video_clips, cache):
    deaf = replace(scorer, members=(copy.deepcopy(scorer.first_member),))
    deaf.first_member.settings = deaf.settings.replace(modalities=("video",))
    recording = replace(video_clips[0], clip_id="recording", width=0)
    settings = SETTINGS.replace(cells=("half",))
    report = evaluate_codecs(deaf, [*video_clips, recording], cache, settings, EVALUATION)
    assert (report.clips, report.unscored) == (4, 0)


def test_two_processes_give_the_results_of_one(report, scorer, video_clips, cache):
    settings = SETTINGS.replace(cells=("half",), jobs=2)
    rerun = evaluate_codecs(scorer, video_clips, cache, settings, EVALUATION)
    (row,), (alone, *_) = rerun.rows, report.rows
    assert (row.condition, row.auc, row.drop, row.lost) == (
        alone.condition,
        alone.auc,
        alone.drop,
        alone.lost,
    )
    # x264 is not exact to the bit at every size
    assert row.psnr_db == pytest.approx(alone.psnr_db, abs=0.1)


def test_no_test_clip_is_an_error(scorer, video_clips, cache):
    others = [replace(clip, split="val") for clip in video_clips]
    with pytest.raises(DataError, match="split 'test'"):
        evaluate_codecs(scorer, others, cache, SETTINGS, EVALUATION)


def test_without_conditions_nothing_is_measured(scorer, video_clips, cache):
    provenance = {**scorer.provenance, not_trained("audio"): "no sound"}
    scorer = replace(scorer, provenance=provenance)
    empty = evaluate_codecs(scorer, video_clips, cache, CodecSettings(), EVALUATION)
    assert empty.left_out == ()
    assert empty.untrained == ("audio is not trained: no sound",)
    assert (empty.clips, empty.original, empty.gap, empty.to_metrics()) == (0, None, None, {})


@pytest.mark.parametrize("name", ["theora:20", "h264", "h264:52", "aac:4", "opus:x", "half:2", ""])
def test_an_unknown_condition_is_named(name):
    with pytest.raises(ConfigError, match=f"cells is '{name}'; use half"):
        SETTINGS.replace(cells=("h264:23", name))


def test_a_sound_codec_is_skipped_where_no_clip_has_sound(scorer, video_clips, cache):
    silent = [replace(clip, has_audio=False) for clip in video_clips]
    report = evaluate_codecs(scorer, silent, cache, SETTINGS, EVALUATION)
    assert [row.condition for row in report.rows] == ["half"]
    assert report.skipped == ("aac:12",)


def test_a_sound_codec_is_skipped_where_the_detector_does_not_listen(scorer, video_clips, cache):
    settings = SETTINGS.replace(cells=("aac:12",))
    deaf = replace(scorer, members=(copy.deepcopy(scorer.first_member),))
    deaf.first_member.settings = deaf.settings.replace(modalities=("video",))
    report = evaluate_codecs(deaf, video_clips, cache, settings, EVALUATION)
    assert (report.rows, report.skipped) == ((), ("aac:12",))
