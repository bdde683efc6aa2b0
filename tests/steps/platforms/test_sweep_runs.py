"""Sweeps and ablations as nested MLflow runs."""

import mlflow
import pytest
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from steps.platforms.mlflow_runs import find_experiment
from steps.platforms.sweep_runs import EXPERIMENT, NestedRuns
from unmask.config import Settings
from unmask.training.experiments.recorder import Trial


def runs_of_experiment():
    """Return the parent run and the nested ones."""
    runs = mlflow.search_runs(experiment_names=[EXPERIMENT], output_format="list")
    (parent,) = [run for run in runs if MLFLOW_PARENT_RUN_ID not in run.data.tags]
    nested = [run for run in runs if run.info.run_id != parent.info.run_id]
    for run in nested:
        assert run.data.tags[MLFLOW_PARENT_RUN_ID] == parent.info.run_id
    return parent, nested


@pytest.mark.usefixtures("checkout")
def test_trials_of_a_sweep_are_nested_below_a_run_that_names_the_best():
    recorder = NestedRuns("a=1,2")
    for name in ("a=1", "a=2"):
        logger = recorder.start_trial(Trial((name,), Settings()))
        logger.log_metrics({"val_auc": 0.7}, step=0)
        logger.finalize("success")
    recorder.finish({"best_val_auc": 0.7}, "a=2")
    parent, nested = runs_of_experiment()
    assert parent.data.tags["best"] == "a=2"
    assert parent.data.metrics == {"best_val_auc": 0.7}
    assert {run.data.params["a"] for run in nested} == {"1", "2"}
    assert all(run.data.metrics["val_auc"] == 0.7 for run in nested)
    assert {run.info.status for run in (parent, *nested)} == {"FINISHED"}


def test_trainings_of_an_ablation_are_nested_beside_the_report(checkout):
    recorder = NestedRuns("Ablation")
    recorder.log_training("flow, seed 7", {"without": "flow", "seed": 7}, {"auc": 0.9})
    (checkout / "ablation.md").write_text("report")
    recorder.finish({"gain_flow": 0.01}, page=checkout / "ablation.md")
    parent, (training,) = runs_of_experiment()
    assert training.data.tags[MLFLOW_RUN_NAME] == "flow, seed 7"
    assert training.data.params == {"without": "flow", "seed": "7"}
    assert training.data.metrics == {"auc": 0.9}
    (page,) = (checkout / "outputs/mlartifacts").rglob("ablation.md")
    assert page.read_text() == "report"
    assert parent.data.metrics == {"gain_flow": 0.01}


def test_the_folder_of_a_local_database_is_created(checkout, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{checkout}/new/mlflow.db")
    NestedRuns("a=1").finish({})
    assert (checkout / "new/mlflow.db").is_file()


@pytest.mark.usefixtures("checkout")
def test_two_processes_that_start_together_share_the_experiment(monkeypatch):
    first, search, answers = find_experiment("new"), mlflow.MlflowClient.get_experiment_by_name, []

    def search_too_early(client, name):  # the other process creates it after this search
        answers.append(name)
        return None if len(answers) == 1 else search(client, name)

    monkeypatch.setattr(mlflow.MlflowClient, "get_experiment_by_name", search_too_early)
    assert find_experiment("new") == first
    assert len(answers) == 2
