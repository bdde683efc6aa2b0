import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from unmask.config import EvaluationSettings
from unmask.errors import SingleClassError
from unmask.evaluation.bootstrap import auc_interval
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


def test_every_number_is_a_difference_of_aucs_as_scikit_learn_sees_them(people, labels, scores):
    report = compare_conditions(people, scores, {"h264:23": 41.0}, SETTINGS, seed=1)
    auc = {name: roc_auc_score(labels, values) for name, values in scores.items()}
    assert report.original.value == pytest.approx(auc["original"])
    for row in report.rows:
        assert row.auc.value == pytest.approx(auc[row.cell])
        assert row.drop.value == pytest.approx(auc["original"] - auc[row.cell])
    assert report.gap == pytest.approx(abs(auc["h264:23"] - auc["h265:28"]))
    assert [row.psnr_db for row in report.rows] == [41.0, None]


def test_intervals_are_the_bootstraps_and_differences_are_paired(people, labels, scores):
    report = compare_conditions(people, scores, {}, SETTINGS, seed=1)
    identities = [clip.identity for clip in people]
    alone = auc_interval(scores["h264:23"], labels, identities, np.random.default_rng(1), 200)
    assert (report.rows[0].auc.low, report.rows[0].auc.high) == (alone.low, alone.high)
    same = compare_conditions(
        people, {"original": scores["h265:28"], "vp9:35": scores["h265:28"]}, {}, SETTINGS, 1
    )
    # far apart from person to person, and yet never different: pairing sees it
    drop = same.rows[0].drop
    assert same.original.high - same.original.low > 0.1
    assert (drop.value, drop.low, drop.high) == (0, 0, 0)


def test_a_clip_lost_in_one_cell_counts_in_none(people, labels, scores):
    scores["h265:28"][5] = np.nan
    report = compare_conditions(people, scores, {}, SETTINGS, seed=1)
    kept = np.arange(40) != 5
    assert report.clips == 39
    assert [row.lost for row in report.rows] == [0, 1]
    expected = roc_auc_score(labels[kept], scores["original"][kept])
    assert report.original.value == pytest.approx(expected)


def test_the_gap_is_that_of_the_two_default_qualities_whichever_is_better(people, scores):
    swapped = {**scores, "h264:23": scores["h265:28"], "h265:28": scores["h264:23"]}
    one, other = (compare_conditions(people, each, {}, SETTINGS, 1) for each in (scores, swapped))
    assert one.gap == pytest.approx(other.gap)
    assert one.gap > 0
    assert one.codec_gap.value == pytest.approx(-other.codec_gap.value)
    del swapped["h265:28"]
    assert compare_conditions(people, swapped, {}, SETTINGS, 1).gap is None


def test_one_person_has_no_interval_and_one_kind_no_auc(people, scores):
    alone = [replace(clip, identity="x") for clip in people]
    report = compare_conditions(alone, scores, {}, SETTINGS, 1)
    assert report.original.low is None
    assert report.rows[0].drop.high is None
    genuine = [replace(clip, is_fake=False, fake_video=False) for clip in people]
    with pytest.raises(SingleClassError):
        compare_conditions(genuine, scores, {}, SETTINGS, 1)


def test_numbers_have_keys_a_tracking_server_takes_and_the_report_survives_json(people, scores):
    report = compare_conditions(people, scores, {"h264:23": 41.0}, SETTINGS, 1)
    numbers = report.numbers()
    assert numbers["codec_auc_h264_23"] == report.rows[0].auc.value
    assert numbers["codec_drop_h265_28_high"] == report.rows[1].drop.high
    assert numbers["codec_psnr_h264_23"] == 41.0
    assert numbers["codec_gap"] == report.gap
    assert not any(set(":/ ") & set(key) for key in numbers)
    assert from_json(CodecReport, to_json(report)) == report
    assert json.loads(to_json(report))["rows"][0]["cell"] == "h264:23"


def test_reading_a_report_needs_no_torch():
    code = "import sys, unmask.robustness.codec_report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
