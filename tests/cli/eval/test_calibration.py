"""`unmask eval calibration`: printed tables and the JSON report."""

import json

import pytest

from tests.factories import make_clip
from unmask.data.manifest import write_manifest
from unmask.errors import DataError
from unmask.evaluation.measured_verdicts import MeasuredVerdicts
from unmask.evaluation.member_diversity import MemberDiversity
from unmask.training.calibration import comparison as comparison_module
from unmask.training.calibration.comparison import (
    CalibrationComparison,
    CalibrationMetrics,
    FlaggedRates,
)

COMPARISON = CalibrationComparison(
    calibration_clips=12,
    clips=30,
    members=1,
    passes=3,
    rows=(CalibrationMetrics("one detector, Platt", 1.25, -0.5, 0.875, 0.04, 0.03, 0.1, 0.4),),
    verdicts=MeasuredVerdicts("test", 20, 16, 9, 5, 2, 1, 8, 0.95, 0.01, 0.02),
    like_calibration=0.75,
    flagged=(FlaggedRates("lip_sync", 0.75, 12.0, 30.4, 0.5, None),),
    error_detection_auc=0.625,
    diversity=MemberDiversity((0.875, 0.75), 0.9, None),
)


@pytest.fixture
def run(run, tmp_path, monkeypatch, bundle_folder):
    """Run the command on a manifest of one test clip, with a wide terminal."""
    monkeypatch.setenv("COLUMNS", "120")
    manifest = write_manifest([make_clip()], tmp_path / "manifest.csv")
    return lambda *args: run("calibration", bundle_folder, manifest, *args)


@pytest.fixture
def requested(monkeypatch):
    """Return ``COMPARISON`` instead of a measurement; yields passes, bins and confidence."""
    calls = []

    def compare(bundle, clips, load, passes, settings):
        calls.append((passes, settings.bins, settings.confidence))
        return COMPARISON

    monkeypatch.setattr(comparison_module, "compare_calibration", compare)
    return calls


def test_table_and_rates_are_printed(run, requested):
    result = run("--passes", "3", "--bins", "5", "--confidence", "0.9")
    assert result.exit_code == 0, result.output
    assert requested == [(3, 5, 0.9)]
    lines = " ".join(result.output.split())
    for text in (
        "Fitted on 12 validation clips, measured on 30",
        "1.250 │ -0.500 │ 0.875 │ 0.040 │ 0.030 │ 0.100 │ 0.400",
        "Verdicts on test, 9 people",
        "genuine called fake │ at most 1.0% │ 25.0% │ 8.7% to 49.1% │ 5 of 20",
        "fakes called real │ at most 2.0% │ 12.5% │ 1.6% to 38.3% │ 2 of 16",
        "fakes without a verdict │ │ 50.0% │ │ 8 of 16",
        "footage like the calibration clips: 75.0% of clips",
        "lip_sync segments above 0.750 are flagged 30 times per hour of genuine clips (target 12), "
        "in 50.0% of them, and in - of fakes",
        "detects errors with AUC 0.625",
        "members alone have AUC 0.875, 0.750; their logits correlate 0.90, within a class -",
    ):
        assert text in lines


def test_json_report_has_the_same_numbers(run, requested, tmp_path):
    assert run("--json", "c.json").exit_code == 0
    report = json.loads((tmp_path / "c.json").read_text())
    assert (report["calibration_clips"], report["clips"]) == (12, 30)
    assert report["rows"][0]["temperature"] == 1.25
    assert report["flagged"][0]["fake"] is None
    assert (report["verdicts"]["false_alarms"], report["verdicts"]["reals"]) == (5, 20)


def test_manifest_without_validation_clips_is_refused(run):
    result = run()
    assert isinstance(result.exception, DataError)
    assert "no clip is in split 'val'" in str(result.exception)
