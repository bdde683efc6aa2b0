from dataclasses import replace

import numpy as np
import pytest
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
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.prepare import prepare_clip
from unmask.preprocessing.transcode import transcode
from unmask.robustness.codec_evaluation import evaluate_codecs
from unmask.training.score_clips import score_features

MEASURED = EvaluationSettings(resamples=20)
PREPARED = PreprocessingSettings(
    faces=FaceSettings(max_side_px=320), speech=SpeechSettings(method="energy")
)
CELLS = CodecSettings(cells=("half", "aac:12"), jobs=1)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory, film, clips):
    """Four short films of two people, every second one fake, one of them silent."""
    folder = tmp_path_factory.mktemp("films")
    found = []
    for number, clip in enumerate(clips[:4]):
        path = film(
            folder / f"{number}.mp4",
            times=np.arange(0, 0.6 + 0.2 * number, 0.04),
            size=(320 - 20 * number, 240),
            sound=number != 3,
        )
        fake = number in (1, 2)
        labels = {"is_fake": fake, "fake_video": fake}
        found.append(replace(clip, path=path, identity=str(number // 2), **labels))
    return tuple(found)


@pytest.fixture(scope="module")
def ready(bundle):
    return replace(bundle, preprocessing=PREPARED)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def report(ready, filmed, cache):
    return evaluate_codecs(ready, filmed, cache, CELLS, MEASURED)


def test_original_and_picture_cells_are_what_scoring_the_files_gives(report, ready, filmed, cache):
    labels = [clip.is_fake for clip in filmed]

    def auc(clips):
        rows = score_features(ready, clips, make_feature_loader(PREPARED, cache))
        return roc_auc_score(labels, [row.logit for row in rows])

    assert report.original.value == pytest.approx(auc(filmed))
    assert [row.cell for row in report.rows] == list(CELLS.cells)
    for row in report.rows[:1]:
        cell = parse_condition(row.cell)
        moved = [replace(one, path=transcode(one.path, cell, cache).path) for one in filmed]
        assert row.auc.value == pytest.approx(auc(moved))
        assert row.drop.value == pytest.approx(report.original.value - row.auc.value)
        assert 20 < row.psnr_db < 50
    assert report.rows[1].psnr_db is None
    assert report.clips == 4
    assert {row.lost for row in report.rows} == {0}


def test_a_sound_cell_changes_the_sound_and_leaves_the_picture(ready, filmed, cache):
    """Of clips without sound, it changes nothing at all."""
    silent = [replace(filmed[3], clip_id=name, is_fake=fake, fake_video=fake, identity=name)
              for name, fake in (("a", True), ("b", False))]  # fmt: skip
    found = evaluate_codecs(
        ready, silent, cache, CodecSettings(cells=("opus:6",), jobs=1), MEASURED
    )
    assert found.rows[0].drop.value == 0
    heard = prepare_clip(
        transcode(filmed[0].path, parse_condition("aac:12"), cache).path, PREPARED, cache
    )
    clean = prepare_clip(filmed[0].path, PREPARED, cache)
    assert not heard.people
    length = min(len(heard.waveform.samples), len(clean.waveform.samples))
    gap = heard.waveform.samples[:length] - clean.waveform.samples[:length]
    assert 1e-4 < np.abs(gap).mean() < 0.1


def test_a_second_run_makes_nothing_again(report, ready, filmed, cache):
    def files():
        return {path: path.stat().st_mtime_ns for path in cache.root.rglob("*.*")}

    before = files()
    assert evaluate_codecs(ready, filmed, cache, CELLS, MEASURED) == report
    assert files() == before
    # killed before the last of them was made: only that is made again
    lost = transcode(filmed[0].path, parse_condition("half"), cache).path
    lost.unlink()
    again = evaluate_codecs(ready, filmed, cache, CELLS, MEASURED)
    assert again.rows[1] == report.rows[1]
    assert again.rows[0].psnr_db == pytest.approx(report.rows[0].psnr_db, abs=0.2)
    changed = {path for path, stamp in files().items() if before.get(path) != stamp}
    assert {path.stem for path in changed if "codecs" in path.parts} == {lost.stem}


def test_a_clip_that_breaks_under_a_cell_is_lost_from_every_row(
    ready, filmed, cache, tmp_path, film
):
    tiny = film(tmp_path / "tiny.mp4", size=(2, 2), times=[0, 0.04], face=False)
    broken = replace(filmed[1], clip_id="tiny", path=tiny)
    settings = CodecSettings(cells=("half", "aac:12"), jobs=1)
    found = evaluate_codecs(ready, [*filmed, broken], cache, settings, MEASURED)
    assert found.clips == 4
    assert [row.lost for row in found.rows] == [1, 0]


def test_two_processes_find_what_one_does(report, ready, filmed, cache):
    settings = CELLS.replace(cells=("half",), jobs=2)
    found = evaluate_codecs(ready, filmed, cache, settings, MEASURED)
    (row,), (alone, *_) = found.rows, report.rows
    assert (row.cell, row.auc, row.drop, row.lost) == (
        alone.cell,
        alone.auc,
        alone.drop,
        alone.lost,
    )
    # x264 is not exact to the bit at every size
    assert row.psnr_db == pytest.approx(alone.psnr_db, abs=0.1)


def test_no_test_clip_is_an_error(ready, filmed, cache):
    others = [replace(clip, split="val") for clip in filmed]
    with pytest.raises(DataError, match="split 'test'"):
        evaluate_codecs(ready, others, cache, CELLS, MEASURED)


def test_without_a_cell_nothing_is_measured(ready, filmed, cache):
    found = evaluate_codecs(ready, filmed, cache, CodecSettings(), MEASURED)
    assert (found.clips, found.original, found.gap, found.numbers()) == (0, None, None, {})


@pytest.mark.parametrize("name", ["theora:20", "h264", "h264:52", "aac:4", "opus:x", "half:2", ""])
def test_an_unknown_cell_is_named(name):
    with pytest.raises(ConfigError, match=f"cells is '{name}'; use half"):
        CELLS.replace(cells=("h264:23", name))
