"""The step on a small data set, and without any."""

import csv
import shutil

import pytest
from sklearn.metrics import roc_auc_score

from steps.evaluate_cross_dataset import evaluate_cross_dataset
from unmask.config import EvaluationSettings
from unmask.data.datasets.ingest import scan_dataset
from unmask.evaluation.cross_dataset import CrossEvaluation
from unmask.evaluation.serialization import load
from unmask.training.score_clips import score_split

SETTINGS = EvaluationSettings(resamples=20)


def evaluate(bundle, folders, frames=0):
    return evaluate_cross_dataset.entrypoint(bundle, folders, frames, SETTINGS, 7)


@pytest.fixture
def dataset(make_video, tmp_path):
    folder = tmp_path / "celebdf"
    folder.mkdir()
    rows = []
    for number, label in enumerate(("real", "fake", "real", "fake")):
        make_video(folder / f"{number}.mp4", seconds=0.6 + number / 5)
        rows.append((f"{number}.mp4", label, f"person-{number}", "test"))
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "label", "person_id", "split"), *rows])
    return folder


@pytest.mark.usefixtures("checkout")
def test_a_data_set_is_measured_under_its_name_and_written(bundle_folder, dataset):
    evaluation, report = evaluate(bundle_folder, {"celebdf": str(dataset)})
    rows = score_split(bundle_folder, scan_dataset(dataset, role="test").clips, "test", None)
    auc = roc_auc_score([row.is_fake for row in rows], [row.logit for row in rows])
    assert evaluation.to_metrics()["auc@celebdf"] == pytest.approx(auc)
    assert load(CrossEvaluation, report / "crosseval.json") == evaluation
    assert "<h2>celebdf</h2>" in (report / "crosseval.html").read_text()
    shutil.rmtree(report)


@pytest.mark.usefixtures("checkout")
def test_without_data_sets_there_is_nothing_to_measure(bundle_folder):
    evaluation, report = evaluate(bundle_folder, {}, frames=32)
    assert (evaluation.datasets, evaluation.to_metrics()) == ((), {})
    shutil.rmtree(report)
