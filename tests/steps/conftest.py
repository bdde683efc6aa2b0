"""MLflow, BentoML and a working folder of a test's own."""

import pytest


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """An empty folder to work in, with its own MLflow database."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs").mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/outputs/mlflow.db")
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", str(tmp_path / "outputs/mlartifacts"))
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "outputs/bentoml"))
    return tmp_path
