import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from unmask.cli.app import app
from unmask.errors import DataError
from unmask.evaluation.serialization import write_scores
from unmask.records import ScoreRow

PARAMS = Path(__file__).parents[3] / "params.yaml"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The command line in an empty folder with the project's own settings."""
    (tmp_path / "params.yaml").write_text(PARAMS.read_text())
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture
def scores(tmp_path):
    """A good detector's scores on test, and rows of val that must not count."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(120):
        is_fake = number % 2 == 1
        logit = float(rng.normal(6 if is_fake else -6, 1.5))
        rows.append(
            ScoreRow(
                clip_id=f"c{number}",
                identity=f"p{number // 6}",
                split="test" if number < 90 else "val",
                manipulation="swap" if is_fake else "none",
                is_fake=is_fake,
                logit=logit,
                probability=float(1 / (1 + np.exp(-logit))),
            )
        )
    write_scores(rows, tmp_path / "scores.csv")
    return rows


def write_robustness(path, drop):
    row = {"target": "frames", "epsilon": 0.05, "auc": 1 - drop, "drop": drop}
    path.write_text(json.dumps({"split": "test", "clips": 9, "clean_auc": 1.0, "rows": [row]}))
    return path


def test_evaluate_measures_one_split_and_leaves_curves_and_pictures(run, scores, tmp_path):
    done = run("evaluate", "scores.csv", "--out", "measured")
    assert done.exit_code == 0, done.output
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
    assert "45 + 45" in done.output


def test_evaluate_of_an_absent_split_says_which(run, scores):
    done = run("evaluate", "scores.csv", "--out", "measured", "--split", "train")
    assert isinstance(done.exception, DataError)
    assert "no score of split 'train'" in str(done.exception)


def test_a_good_detector_passes_the_gates(run, scores, tmp_path):
    run("evaluate", "scores.csv", "--out", "measured")
    write_robustness(tmp_path / "r.json", 0.01)
    done = run("gate", "measured/metrics.json", "--robustness", "r.json", "--json", "g.json")
    assert done.exit_code == 0, done.output
    assert "Gates: passed" in done.output
    found = json.loads((tmp_path / "g.json").read_text())
    assert found["passed"]
    assert [row["name"] for row in found["rows"]] == [
        "auc",
        "ece",
        "ece_excess",
        "fgsm_drop",
        "champion_drop",
    ]


@pytest.mark.parametrize(
    ("drop", "champion", "words"),
    [
        (0.40, (), "fgsm_drop 0.4000"),
        (0.01, ("--champion-auc", "1.01"), None),
        (None, (), "fgsm_drop was not measured"),
    ],
)
def test_a_required_gate_that_falls_short_ends_with_a_code_and_words(
    run, scores, tmp_path, drop, champion, words
):
    run("evaluate", "scores.csv", "--out", "measured")
    options = ()
    if drop is not None:
        options = ("--robustness", write_robustness(tmp_path / "r.json", drop))
    done = run("gate", "measured/metrics.json", *options, *champion)
    assert done.exit_code != 0
    if words:
        assert f"unmask: not promoted: {words}" in done.stderr
        assert done.exit_code == 1


def test_a_candidate_below_the_champion_is_stopped(run, scores, tmp_path):
    run("evaluate", "scores.csv", "--out", "measured")
    file = tmp_path / "measured" / "metrics.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"auc": 0.96}))
    robust = write_robustness(tmp_path / "r.json", 0.0)
    done = run("gate", file, "--robustness", robust, "--champion-auc", "0.97")
    assert done.exit_code == 1
    assert "champion_drop 0.0100 (champion AUC 0.970) is not at most 0" in done.stderr


@pytest.mark.parametrize(
    ("gap", "code", "words"),
    [(0.01, 0, "Gates: passed"), (0.05, 1, "codec_gap 0.0500"), (None, 1, "was not measured")],
)
def test_phase_3_wants_to_know_the_gap_between_codecs(run, scores, tmp_path, gap, code, words):
    run("evaluate", "scores.csv", "--out", "measured")
    reports = ["--robustness", write_robustness(tmp_path / "r.json", 0.01)]
    if gap is not None:
        span = {"value": -gap, "low": -0.2, "high": 0.2}
        found = {"split": "test", "clips": 9, "confidence": 0.95, "original": span, "rows": []}
        (tmp_path / "c.json").write_text(json.dumps({**found, "codec_gap": span}))
        reports += ["--robustness", "c.json"]
    done = run("gate", "measured/metrics.json", *reports, "--phase", 3)
    assert done.exit_code == code, done.output
    assert words in done.output


def test_a_report_of_neither_kind_is_told(run, scores, tmp_path):
    run("evaluate", "scores.csv", "--out", "measured")
    (tmp_path / "x.json").write_text('{"rows": 3}')
    done = run("gate", "measured/metrics.json", "--robustness", "x.json")
    assert isinstance(done.exception, DataError)
    assert "x.json" in str(done.exception)
