import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter
from sklearn.metrics import roc_auc_score

from tests.factories import make_evaluation
from unmask.config import EvaluationSettings, Gate, GateSettings
from unmask.errors import SingleClassError
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.bootstrap import estimate_auc
from unmask.evaluation.gates import check_gates
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.serialization import from_json, to_json
from unmask.robustness.codec_report import CodecReport, compare_conditions

SETTINGS = EvaluationSettings(resamples=200)


@pytest.fixture
def people(clips):
    """Forty clips of ten people."""
    return [replace(clips[n % 2], clip_id=str(n), identity=str(n // 4)) for n in range(40)]


@pytest.fixture
def labels(people):
    return np.array([clip.is_fake for clip in people])


@pytest.fixture
def scores(labels, rng):
    good = labels + rng.normal(0, 0.6, len(labels))
    worse = labels + rng.normal(0, 1.5, len(labels))
    return {"original": good, "h264:23": good + rng.normal(0, 0.1, 40), "h265:28": worse}


def test_aucs_and_drops_agree_with_scikit_learn(people, labels, scores):
    report = compare_conditions(people, scores, {"h264:23": 41.0}, SETTINGS, seed=1)
    auc = {name: roc_auc_score(labels, values) for name, values in scores.items()}
    assert report.original.value == pytest.approx(auc["original"])
    for row in report.rows:
        assert row.auc.value == pytest.approx(auc[row.condition])
        assert row.drop.value == pytest.approx(auc["original"] - auc[row.condition])
    assert report.gap == pytest.approx(abs(auc["h264:23"] - auc["h265:28"]))
    assert [row.psnr_db for row in report.rows] == [41.0, None]


def test_intervals_are_bootstrapped_and_differences_are_paired(people, labels, scores):
    report = compare_conditions(people, scores, {}, SETTINGS, seed=1)
    identities = [clip.identity for clip in people]
    rng = np.random.default_rng(1)
    assert report.rows[0].auc == estimate_auc(scores["h264:23"], labels, identities, rng, 200)
    same = compare_conditions(
        people, {"original": scores["h265:28"], "vp9:35": scores["h265:28"]}, {}, SETTINGS, 1
    )
    # scores vary much between people, but are the same under both conditions
    drop = same.rows[0].drop
    assert same.original.high - same.original.low > 0.1
    assert drop == Estimate(0.0, 0.0, 0.0)


def test_a_clip_lost_under_one_condition_counts_in_none(people, labels, scores):
    scores["h265:28"][5] = np.nan
    report = compare_conditions(people, scores, {}, SETTINGS, seed=1)
    kept = np.arange(40) != 5
    assert report.clips == 39
    assert [row.lost for row in report.rows] == [0, 1]
    expected = roc_auc_score(labels[kept], scores["original"][kept])
    assert report.original.value == pytest.approx(expected)


def test_a_clip_whose_original_cannot_be_scored_is_counted_once(people, scores):
    for values in scores.values():
        values[5] = np.nan
    report = compare_conditions(people, scores, {}, SETTINGS, seed=1)
    assert (report.unscored, report.clips) == (1, 39)
    assert [row.lost for row in report.rows] == [0, 0]


def test_the_gap_is_the_absolute_difference_of_the_default_qualities(people, scores):
    swapped = {**scores, "h264:23": scores["h265:28"], "h265:28": scores["h264:23"]}
    first, second = (
        compare_conditions(people, values, {}, SETTINGS, 1) for values in (scores, swapped)
    )
    assert first.gap == pytest.approx(second.gap)
    assert first.gap > 0
    assert first.codec_gap.value == pytest.approx(-second.codec_gap.value)
    del swapped["h265:28"]
    assert compare_conditions(people, swapped, {}, SETTINGS, 1).gap is None


def test_a_single_person_has_no_interval_and_a_single_class_no_auc(people, scores):
    alone = [replace(clip, identity="x") for clip in people]
    report = compare_conditions(alone, scores, {}, SETTINGS, 1)
    assert report.original.low is None
    assert report.rows[0].drop.high is None
    genuine = [replace(clip, is_fake=False, fake_video=False) for clip in people]
    with pytest.raises(SingleClassError):
        compare_conditions(genuine, scores, {}, SETTINGS, 1)


def test_metrics_have_valid_keys_and_the_report_survives_json(people, scores):
    report = compare_conditions(people, scores, {"h264:23": 41.0}, SETTINGS, 1)
    metrics = report.to_metrics()
    assert metrics["codec_auc_h264_23"] == report.rows[0].auc.value
    assert metrics["codec_drop_h265_28_high"] == report.rows[1].drop.high
    assert metrics["codec_psnr_h264_23"] == 41.0
    assert metrics["codec_gap"] == report.gap
    assert not any(set(": ") & set(key) for key in metrics)
    assert from_json(CodecReport, to_json(report)) == report
    assert json.loads(to_json(report))["rows"][0]["cell"] == "h264:23"
    adapter = TypeAdapter(CodecReport)  # as a pipeline platform stores it, without aliases
    assert adapter.validate_python(adapter.dump_python(report, mode="json")) == report


def test_reading_a_report_needs_no_torch():
    code = "import sys, unmask.robustness.codec_report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_codecs_that_change_nothing_leave_no_gap_to_gate():
    gates = GateSettings(codec_gap=Gate(limit=0.02))
    for skipped, level in (
        (("h264:23", "h265:28", "half"), "reported"),
        (("opus:16",), "required"),
    ):
        report = CodecReport("test", 0, 0.95, skipped=skipped)
        checked = check_gates(
            gates, make_evaluation(auc=0.95), 0.0, BaselineComparison(), report.to_gate()
        )
        (row,) = [row for row in checked.rows if row.name == "codec_gap"]
        assert (row.value, row.level) == (None, level)


def test_parts_are_measured_as_a_report_on_their_clips_alone(people, labels, scores):
    mixed = [
        replace(clip, source=("celebdf", "ffpp")[n // 20], manipulation="swap" * clip.is_fake)
        for n, clip in enumerate(people)
    ]
    report = compare_conditions(mixed, scores, {"h264:23": 41.0}, SETTINGS, seed=1)
    assert [part.title for part in report.parts] == [
        *("source celebdf", "source ffpp"),
        *("manipulation celebdf/swap", "manipulation ffpp/swap"),
    ]
    for part, half in zip(report.parts[:2], (slice(0, 20), slice(20, 40)), strict=True):
        own = {name: values[half] for name, values in scores.items()}
        alone = compare_conditions(mixed[half], own, {}, SETTINGS, seed=1)
        assert (part.original, part.rows) == (alone.original, alone.rows)
        assert (part.fakes, part.reals) == (10, 10)
    assert report.rows[0].psnr_db == 41.0
    metrics = report.to_metrics()
    auc = roc_auc_score(labels[20:], scores["h265:28"][20:])
    assert metrics["codec_auc_h265_28/source/ffpp"] == pytest.approx(auc)
    assert from_json(CodecReport, to_json(report)) == report


def test_a_part_of_which_too_few_clips_were_scored_says_so(people, scores):
    mixed = [replace(clip, source=("celebdf", "ffpp")[n // 20]) for n, clip in enumerate(people)]
    scores["h264:23"][28:] = np.nan
    report = compare_conditions(mixed, scores, {}, SETTINGS, seed=1)
    (few,) = (part for part in report.parts if part.title == "source ffpp")
    assert (few.title, few.original, few.rows) == ("source ffpp", None, ())
    assert few.heading == "source ffpp (4 fake + 4 genuine)"
    assert few.not_measured == "too few clips, a row takes 5 of each"


def test_a_single_source_has_the_numbers_of_all_clips(people, scores):
    report = compare_conditions(people, scores, {}, SETTINGS, seed=1)
    part = report.parts[0]
    assert (part.kind, part.name) == ("source", people[0].source)
    assert [row.auc for row in part.rows] == [row.auc for row in report.rows]
