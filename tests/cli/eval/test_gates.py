"""`unmask eval gates`."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from unmask.errors import DataError
from unmask.evaluation.serialization import write_scores

FULL = ("--profile", "full")


def write_robustness(path, drop, transmitted=0.01):
    """Write a report with one white-box row, unless ``drop`` is None, and one behind H.264."""
    row = {"target": "frames", "epsilon": 0.05, "auc": 0.9, "drop": drop}
    names = ("original_auc", "encoded_auc", "auc", "encoding_drop", "drop")
    sent = {name: {"value": transmitted, "low": None, "high": None} for name in names}
    sent |= {"attacker": "white_box", "crf": 23, "clips": 9, "fakes": 4, "evasion": None}
    report = {"split": "test", "clips": 9, "clean_auc": 1.0, "rows": [] if drop is None else [row]}
    report["transmitted"] = {"confidence": 0.95, "epsilon_levels": 8, "rows": [sent]}
    path.write_text(json.dumps(report))
    return path


def write_codecs(path, gap):
    span = {"value": -gap, "low": -0.2, "high": 0.2}
    report = {"split": "test", "clips": 9, "confidence": 0.95, "original": span, "rows": []}
    path.write_text(json.dumps({**report, "codec_gap": span}))
    return path


def test_a_good_detector_passes_the_gates(run, scores, tmp_path):
    run("metrics", "scores.csv", "--out", "measured")
    reports = write_robustness(tmp_path / "r.json", 0.01), write_codecs(tmp_path / "c.json", 0.01)
    options = [part for report in reports for part in ("--robustness", report)]
    result = run("gates", *FULL, "measured/metrics.json", *options, "--json", "g.json")
    assert result.exit_code == 0, result.output
    assert "Gates: passed" in result.output
    report = json.loads((tmp_path / "g.json").read_text())
    assert report["passed"]
    assert [row["name"] for row in report["rows"]] == [
        "auc",
        "ece",
        "ece_p_value",
        "fgsm_drop",
        "transmitted_drop",
        "codec_gap",
        "auc@ffpp",
        "auc@celebdf",
        "cross_dataset_auc",
        "localisation_ap50",
        "localisation_ap75",
        "partial_auc",
        "flagged_ratio",
        "baseline_drop",
        "non_inferiority",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"auc": 0.77}, "auc 0.7700"),
        ({"ece": 0.4}, "ece 0.4000"),
        ({"by_source": {"celebdf": {"auc": 0.73, "fakes": 9, "reals": 9}}}, "auc@celebdf 0.7300"),
    ],
    ids=["auc", "ece", "source"],
)
def test_a_missed_required_gate_ends_with_exit_code_1(run, scores, tmp_path, changes, message):
    run("metrics", "scores.csv", "--out", "measured")
    file = tmp_path / "measured" / "metrics.json"
    for estimate in changes.get("by_source", {}).values():
        estimate |= {"low": None, "high": None}
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    reports = write_robustness(tmp_path / "r.json", 0.01), write_codecs(tmp_path / "c.json", 0.01)
    options = [part for report in reports for part in ("--robustness", report)]
    result = run("gates", *FULL, file, *options)
    assert f"unmask: not promoted: {message}" in result.stderr
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("drop", "message"), [(0.40, "fgsm_drop 0.4000"), (None, "fgsm_drop was not measured")]
)
def test_a_white_box_attack_is_reported_alone(run, scores, tmp_path, drop, message):
    run("metrics", "scores.csv", "--out", "measured")
    reports = write_robustness(tmp_path / "r.json", drop), write_codecs(tmp_path / "c.json", 0.01)
    options = [part for report in reports for part in ("--robustness", report)]
    result = run("gates", *FULL, "measured/metrics.json", *options)
    assert result.exit_code == 0, result.stderr
    assert message in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("reports", "message"),
    [
        ([("r.json", 0.06)], "transmitted_drop 0.0600 (one identity, no interval; white_box"),
        ([], "transmitted_drop was not measured"),
    ],
)
def test_an_attack_through_the_codec_is_required(run, scores, tmp_path, reports, message):
    run("metrics", "scores.csv", "--out", "measured")
    files = [write_robustness(tmp_path / name, 0.01, drop) for name, drop in reports]
    options = [part for file in files for part in ("--robustness", file)]
    result = run("gates", *FULL, "measured/metrics.json", *options)
    assert result.exit_code == 1
    assert message in result.stderr


def test_a_candidate_below_the_baseline_is_stopped(run, scores, tmp_path):
    run("metrics", "scores.csv", "--out", "measured")
    reports = write_robustness(tmp_path / "r.json", 0.01), write_codecs(tmp_path / "c.json", 0.01)
    options = [part for file in reports for part in ("--robustness", file)]
    tables = ("--scores", "scores.csv", "scores.csv")
    equal = run("gates", *FULL, "measured/metrics.json", *options, *tables)
    assert equal.exit_code == 0, equal.output
    rng = np.random.default_rng(1)
    worse = [replace(row, logit=row.logit + rng.normal(0, 6)) for row in scores]
    write_scores(worse, tmp_path / "worse.csv")
    run("metrics", "worse.csv", "--out", "worse")
    result = run("gates", *FULL, "worse/metrics.json", "--scores", "worse.csv", "scores.csv")
    assert result.exit_code == 1
    assert re.search(r"baseline_drop 0\.\d{4} \(baseline: AUC 1\.000\) is above", result.stderr)
    assert "non_inferiority 0." in result.stderr


@pytest.mark.parametrize(
    ("gap", "code", "message"),
    [(0.01, 0, "Gates: passed"), (0.05, 1, "codec_gap 0.0500"), (None, 1, "was not measured")],
)
def test_the_codec_gap_is_required(run, scores, tmp_path, gap, code, message):
    run("metrics", "scores.csv", "--out", "measured")
    reports = ["--robustness", write_robustness(tmp_path / "r.json", 0.01)]
    if gap is not None:
        reports += ["--robustness", write_codecs(tmp_path / "c.json", gap)]
    result = run("gates", *FULL, "measured/metrics.json", *reports)
    assert result.exit_code == code, result.output
    assert message in result.output


def test_a_file_that_is_no_report_is_named(run, scores, tmp_path):
    run("metrics", "scores.csv", "--out", "measured")
    (tmp_path / "x.json").write_text('{"rows": 3}')
    result = run("gates", *FULL, "measured/metrics.json", "--robustness", "x.json")
    assert isinstance(result.exception, DataError)
    assert "x.json" in str(result.exception)


def test_the_gates_tell_which_tests_were_skipped(run, scores, tmp_path):
    run("metrics", "scores.csv", "--out", "measured")
    reports = write_robustness(tmp_path / "r.json", 0.01), write_codecs(tmp_path / "c.json", 0.01)
    note = "audio attacks skipped: no clip has sound"
    untrained = "audio is not trained: none of 12 training clips has sound"
    attacks = {**json.loads(reports[0].read_text()), "skipped": [note], "untrained": [untrained]}
    codecs = {**json.loads(reports[1].read_text()), "untrained": [untrained]}
    for file, report in zip(reports, (attacks, codecs), strict=True):
        file.write_text(json.dumps(report))
    options = [part for report in reports for part in ("--robustness", report)]
    result = run("gates", *FULL, "measured/metrics.json", *options, "--json", "g.json")
    assert note in result.output
    assert json.loads((tmp_path / "g.json").read_text())["notes"] == [untrained, note]
    assert untrained in " ".join(result.output.split())


def test_a_published_set_of_a_manifest_is_read_by_its_gates(run, scores, tmp_path):
    names = ["FaceForensics++", "mine"]
    named = [replace(row, source=names[n // 2 % 2]) for n, row in enumerate(scores)]
    write_scores(named, tmp_path / "named.csv")
    run("metrics", "named.csv", "--out", "measured")
    result = run("gates", *FULL, "measured/metrics.json", "--json", "g.json")
    report = json.loads((tmp_path / "g.json").read_text())
    gate = next(row for row in report["rows"] if row["name"] == "auc@ffpp")
    assert gate["value"] > 0.9, result.output
    assert "FaceForensics++ is ffpp in gates" in report["notes"]
    assert {row["name"] for row in report["parts"] if row["kind"] == "source"} == {"ffpp", "mine"}
