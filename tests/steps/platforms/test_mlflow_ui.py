"""The address of the runs in the MLflow UI."""

import subprocess

import mlflow
from typer.testing import CliRunner

from pipelines.__main__ import app
from steps.platforms.mlflow_runs import EXPERIMENT
from steps.platforms.mlflow_ui import runs_url


def test_the_address_opens_the_runs_of_a_training(checkout):
    number = mlflow.MlflowClient().create_experiment(EXPERIMENT)
    page = f"#/experiments/{number}/runs?workflowType=machine_learning"
    assert runs_url(5001) == f"http://localhost:5001/{page}"


def test_before_the_first_training_there_are_no_runs(checkout):
    assert runs_url(5000) is None


def test_the_command_prints_the_address_and_passes_the_exit_code_on(checkout, monkeypatch):
    def run(command, check):
        assert command[1:] == ["ui", "--host", "127.0.0.1", "--port", "5007"]
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", run)
    result = CliRunner().invoke(app, ["mlflow", "--port", "5007"])
    assert result.exit_code == 3
    assert "none yet" in result.stdout
