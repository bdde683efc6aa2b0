"""MLflow, BentoML and a working folder of a test's own."""

import mlflow
import pytest


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """An empty folder to work in, with its own MLflow database."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs").mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/outputs/mlflow.db")
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", str(tmp_path / "outputs/mlartifacts"))
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "outputs/bentoml"))
    mlflow.set_tracking_uri(None)  # Lightning's logger sets it for the process and leaves it so
    yield tmp_path
    mlflow.set_tracking_uri(None)
