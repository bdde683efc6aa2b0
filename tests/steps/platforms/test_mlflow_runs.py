"""MLflow runs of trainings."""

import mlflow
import pytest

from steps.platforms import mlflow_runs
from unmask.config import Settings
from unmask.evaluation.gates import GateReport, GateResult
from unmask.evaluation.part_rows import PartRow

GATES = GateReport((GateResult("auc", 0.8, 0.9, "at least", "required", False, "too low"),), False)


@pytest.mark.usefixtures("checkout")
def test_a_run_records_settings_data_metrics_and_gates(tmp_path):
    settings = Settings().replace(seed=11)
    run_id = mlflow_runs.start_run(settings, "dvc:abc.dir", tmp_path / "fit")
    mlflow_runs.finish_run(run_id, {"auc": 0.8}, GATES)
    run = mlflow.MlflowClient().get_run(run_id)
    assert run.data.params["training.learning_rate"] == str(settings.training.learning_rate)
    assert run.data.params["gates.auc.limit"] == str(settings.gates.auc.limit)
    tags = run.data.tags
    assert (tags["seed"], tags["phase"], tags["data_version"]) == ("11", "1", "dvc:abc.dir")
    assert tags["gates"] == "short"
    assert tags["gate.auc"] == "required, missed: too low"
    assert run.data.metrics == {"auc": 0.8}
    assert run.info.status == "FINISHED"


@pytest.mark.usefixtures("checkout")
def test_gates_on_data_sets_have_tags_and_a_page(tmp_path):
    row = GateResult("auc@celebdf", 0.8, 0.7, "at least", "required", True, "auc@celebdf 0.8")
    first = GateResult("baseline_drop", None, 0.03, "at most", "required", True, "no baseline yet")
    run_id = mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit")
    parts = (PartRow("source", "kodf", 9, 0, "no genuine clips"),)
    mlflow_runs.finish_run(run_id, {}, GateReport((row, first), True, parts=parts))
    tags = mlflow.MlflowClient().get_run(run_id).data.tags
    note = tags["mlflow.note.content"]
    assert "**Gates: passed**" in note
    assert "| auc@celebdf | required | passed | auc@celebdf 0.8 |" in note
    assert "| baseline_drop | required | not measured | no baseline yet |" in note
    assert tags["gate.baseline_drop"] == "required, not measured: no baseline yet"
    assert "| source kodf | 9 + 0 | not measured: no genuine clips |" in note
    assert tags["gate.auc_at_celebdf"] == "required, passed: auc@celebdf 0.8"
    (page,) = (tmp_path / "outputs/mlartifacts").rglob("gates/gates.html")
    assert "auc@celebdf" in page.read_text()
    assert page.with_suffix(".json").is_file()


@pytest.mark.usefixtures("checkout")
def test_a_resumed_training_keeps_its_run(tmp_path):
    first = mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit")
    assert mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit") == first
    assert mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "other") != first
    mlflow.MlflowClient().delete_run(first)
    assert mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit") != first


@pytest.mark.usefixtures("checkout")
def test_artifacts_are_stored_beside_the_database(tmp_path):
    run = mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots/roc.png").write_bytes(b"png")
    mlflow_runs.log_folder(run, tmp_path / "plots", "plots")
    (stored,) = (tmp_path / "outputs/mlartifacts").rglob("roc.png")
    assert stored.parent.name == "plots"


def test_settings_are_flattened_to_the_keys_of_overrides():
    assert mlflow_runs.flatten({"a": 1, "b": {"c": {"d": 2}, "e": "x"}}) == {
        "a": 1,
        "b.c.d": 2,
        "b.e": "x",
    }


def test_a_commit_has_40_digits_and_a_mark_for_local_changes(tmp_path, monkeypatch):
    import subprocess

    monkeypatch.chdir(tmp_path)
    assert mlflow_runs.git_commit() == "unknown"
    (tmp_path / "a").write_text("1")
    user = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], ["add", "a"], [*user, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", *arguments], check=True)
    clean = mlflow_runs.git_commit()
    assert len(clean) == 40
    (tmp_path / "a").write_text("2")
    assert mlflow_runs.git_commit() == f"{clean}-dirty"


@pytest.mark.usefixtures("checkout")
def test_skipped_clips_are_a_metric_and_a_table(tmp_path):
    run = mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit")
    mlflow_runs.log_skipped_clips(run, {"b": "b.mp4: is empty, 0 bytes", "a": "no frames"})
    assert mlflow.MlflowClient().get_run(run).data.metrics == {"clips_skipped": 2}
    (table,) = (tmp_path / "outputs/mlartifacts").rglob("skipped_clips.csv")
    assert table.read_text() == 'clip_id,reason\na,no frames\nb,"b.mp4: is empty, 0 bytes"\n'
