"""A working folder with its own MLflow and BentoML."""

import mlflow
import pytest


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Enter an empty folder that has its own MLflow database."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs").mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/outputs/mlflow.db")
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", str(tmp_path / "outputs/mlartifacts"))
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "outputs/bentoml"))
    mlflow.set_tracking_uri(None)  # Lightning's logger sets it for the process
    yield tmp_path
    mlflow.set_tracking_uri(None)
