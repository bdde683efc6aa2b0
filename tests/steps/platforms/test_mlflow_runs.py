import mlflow
import pytest

from steps.platforms import mlflow_runs
from unmask.config import Settings
from unmask.evaluation.gates import GateReport, GateResult

GATES = GateReport((GateResult("auc", 0.8, 0.9, "at least", "required", False, "too low"),), False)


@pytest.mark.usefixtures("checkout")
def test_a_run_says_what_it_was_made_from(tmp_path):
    settings = Settings().replace(seed=11)
    run = mlflow_runs.start_run(settings, "dvc:abc.dir", tmp_path / "fit")
    mlflow_runs.finish_run(run, {"auc": 0.8}, GATES)
    record = mlflow.MlflowClient().get_run(run)
    assert record.data.params["training.learning_rate"] == str(settings.training.learning_rate)
    assert record.data.params["gates.auc.limit"] == str(settings.gates.auc.limit)
    tags = record.data.tags
    assert (tags["seed"], tags["phase"], tags["data_version"]) == ("11", "1", "dvc:abc.dir")
    assert tags["gates"] == "short"
    assert tags["gate.auc"] == "required: too low"
    assert record.data.metrics == {"auc": 0.8}
    assert record.info.status == "FINISHED"


@pytest.mark.usefixtures("checkout")
def test_a_training_that_goes_on_stays_in_its_run(tmp_path):
    first = mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit")
    assert mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit") == first
    assert mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "other") != first
    mlflow.MlflowClient().delete_run(first)
    assert mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit") != first


@pytest.mark.usefixtures("checkout")
def test_artifacts_lie_beside_the_database(tmp_path):
    run = mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots/roc.png").write_bytes(b"png")
    mlflow_runs.log_folder(run, tmp_path / "plots", "plots")
    (kept,) = (tmp_path / "outputs/mlartifacts").rglob("roc.png")
    assert kept.parent.name == "plots"


def test_settings_are_recorded_under_the_keys_of_set():
    assert mlflow_runs.flatten({"a": 1, "b": {"c": {"d": 2}, "e": "x"}}) == {
        "a": 1,
        "b.c.d": 2,
        "b.e": "x",
    }


def test_a_commit_is_40_digits_and_says_when_files_differ(tmp_path, monkeypatch):
    import subprocess

    monkeypatch.chdir(tmp_path)
    assert mlflow_runs.git_commit() == "unknown"
    (tmp_path / "a").write_text("1")
    author = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (["init", "-q"], ["add", "a"], [*author, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", *arguments], check=True)
    clean = mlflow_runs.git_commit()
    assert len(clean) == 40
    (tmp_path / "a").write_text("2")
    assert mlflow_runs.git_commit() == f"{clean}-dirty"
