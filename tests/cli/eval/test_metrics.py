"""`unmask eval metrics`."""

import json

import pytest
from sklearn.metrics import roc_auc_score

from unmask.errors import DataError


def test_one_split_is_measured_and_curves_and_plots_are_written(run, scores, tmp_path):
    result = run("metrics", "scores.csv", "--out", "measured")
    assert result.exit_code == 0, result.output
    metrics = json.loads((tmp_path / "measured" / "metrics.json").read_text())
    test = [row for row in scores if row.split == "test"]
    expected = roc_auc_score([row.is_fake for row in test], [row.logit for row in test])
    assert metrics["auc"] == pytest.approx(expected)
    assert (metrics["split"], metrics["clips"]) == ("test", 90)
    assert {file.name for file in (tmp_path / "measured").iterdir()} == {
        "metrics.json",
        "roc.csv",
        "roc.png",
        "reliability.csv",
        "reliability.png",
        "scores.png",
    }
    assert "45 + 45" in result.output


def test_a_missing_split_is_named(run, scores):
    result = run("metrics", "scores.csv", "--out", "measured", "--split", "train")
    assert isinstance(result.exception, DataError)
    assert "no score of split 'train'" in str(result.exception)


def test_a_setting_can_be_overridden(run, scores, tmp_path):
    result = run("metrics", "scores.csv", "--out", "measured", "--set", "evaluation.bins=4")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "measured" / "metrics.json").read_text())["bins"] == 4
