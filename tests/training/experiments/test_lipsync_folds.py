"""Offsets and statistics of the clips of a fold, and the report on them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.models.backbones.speech_models import build_speech_model
from tests.training.lipsync.conftest import load_toy_features, make_toy_clip
from unmask.config import EvaluationSettings, LipSyncSettings, Settings
from unmask.training.experiments.lipsync_folds import (
    GENUINE,
    LIP_ENERGY,
    NETWORK,
    SWAPPED,
    LipMeasure,
    measure_folds,
)
from unmask.training.experiments.lipsync_report import found_share, lipsync_page
from unmask.training.experiments.source_folds import SourceFold

Z = (0.0, 0.0, 0.0)  # distance, confidence, deviation


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whisper")
    build_speech_model("whisper").save_pretrained(folder)
    sync = LipSyncSettings(voice_backbone=str(folder), voice_layer=1, dim=8)
    settings = Settings(phase=3, profile="demo", sync=sync)
    developed = [make_toy_clip("train", number) for number in range(12)]
    developed += [make_toy_clip("val", number) for number in range(4)]
    tested = [make_toy_clip("test", number) for number in range(4)]
    fakes = [make_toy_clip("test", number, "lipsync") for number in range(4)]
    fakes = [replace(clip, source="other", fake_video=True) for clip in fakes]
    fold = SourceFold(("toy",), tuple(developed), (*tested, *fakes), 0)
    out = tmp_path_factory.mktemp("folds")
    (measured,) = measure_folds([fold], settings, load_toy_features, out)
    return SimpleNamespace(
        fold=fold, settings=settings, out=out, measured=measured, rows=measured.measures
    )


def test_genuine_clips_are_measured_at_each_delay_and_with_another_voice(experiment):
    for scorer in (NETWORK, LIP_ENERGY):
        rows = [row for row in experiment.rows if row.scorer == scorer]
        for clip_id in {row.clip_id for row in rows if row.kind == GENUINE}:
            own = [row for row in rows if row.clip_id == clip_id]
            delays_ms = sorted(row.delay_ms for row in own if row.kind == GENUINE)
            assert delays_ms == [-400, -200, -80, 0, 80, 200, 400]
            assert [row.delay_ms for row in own if row.kind == SWAPPED] == [0]
        assert sum(row.kind == "lip-sync" for row in rows) == 4
        assert {row.source for row in rows if row.kind == "lip-sync"} == {"other"}


def test_delays_are_found_and_another_voice_lowers_the_confidence(experiment):
    rows = [row for row in experiment.rows if row.scorer == NETWORK]
    genuine = [row for row in rows if row.kind == GENUINE]
    errors_ms = [abs(row.offset_ms - row.delay_ms) for row in genuine]
    assert np.mean(np.array(errors_ms) <= 80) > 0.7
    in_sync = np.mean([row.confidence for row in genuine if row.delay_ms == 0])
    assert in_sync > np.mean([row.confidence for row in rows if row.kind == SWAPPED])
    assert all(row.deviation >= 0 for row in rows)


def test_a_measured_fold_is_read_and_not_fitted_again(experiment):
    def fail(clip):
        raise AssertionError(f"{clip.clip_id} was loaded again")

    again = measure_folds([experiment.fold], experiment.settings, fail, experiment.out)
    assert list(again) == [experiment.measured]


def test_the_report_states_the_share_of_offsets_found(experiment):
    page = lipsync_page(experiment.rows, "Title", EvaluationSettings(resamples=20), 0)
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("| network")
    ]
    (shifted,) = [row for row in cells if row[1] == "±200 ms" and row[2] == "any"]
    rows = [
        row
        for row in experiment.rows
        if row.scorer == NETWORK and row.kind == GENUINE and abs(row.delay_ms) == 200
    ]
    expected = np.mean([abs(row.offset_ms - row.delay_ms) <= 80 for row in rows])
    assert shifted[3] == str(len({row.clip_id for row in rows}))
    assert shifted[4] == f"{expected:.3f}"
    assert "another person's voice" in page
    assert "lip-sync" in page


def test_the_report_has_the_offsets_found_of_each_source():
    def make(clip_id, source, delay_ms, offset_ms, kind=GENUINE):
        return LipMeasure(clip_id, source, clip_id[0], NETWORK, kind, delay_ms, 2.0, offset_ms, *Z)

    rows = [make(clip, "near", sign * 200, sign * 200) for clip in ("p1", "p2") for sign in (1, -1)]
    rows += [make("q1", "far", 200, 120), make("q1", "far", -200, 0), make("r1", "far", 200, 0)]
    rows += [make("r1", "far", 80, 80), make("s1", "fakes", 200, 200, "lip-sync")]
    rows += [make("t1", "short", 0, 0), make("u1", "fakes", 0, 0, "lip-sync")]
    page = lipsync_page(rows, "Title", EvaluationSettings(resamples=20), 0).split("by source, ")[1]
    table = page.split("Fakes against")[0].splitlines()
    lines = {line.split(" | ")[0].strip("| "): line for line in table if "| network |" in line}
    assert set(lines) == {"near", "far", "short"}
    assert lines["near"].startswith("| near | network | 2 | 1 | 1.000 | one identity, no interval")
    assert lines["far"].startswith("| far | network | 2 | 2 | 0.333 | 0.0")
    assert lines["short"] == "| short | network | 0 | 0 | – | – |"


def test_the_interval_resamples_whole_groups():
    """Two groups, one all right and one all wrong: half of the resamples mix them."""
    groups = ["a"] * 30 + ["b"] * 30
    errors_ms = [0.0] * 30 + [500.0] * 30
    estimate = found_share(errors_ms, groups, 2000, seed=0)
    assert estimate.value == 0.5
    assert (estimate.low, estimate.high) == (0.0, 1.0)
    alone = found_share(errors_ms, [str(number) for number in range(60)], 2000, seed=0)
    assert 0.35 < alone.low < 0.45
    assert 0.55 < alone.high < 0.65
