"""Artifacts of a checkout that was moved or copied."""

import shutil
from pathlib import Path

import mlflow
import pytest

from steps.platforms import mlflow_runs
from steps.platforms.artifact_paths import relocate_artifacts
from unmask.config import Settings


@pytest.fixture
def run(checkout):
    """A run with an artifact, and a registered model, in the folder `checkout`."""
    run_id = mlflow_runs.start_run(Settings(), "dvc:abc.dir", checkout / "fit")
    mlflow_runs.log_page(run_id, "the page", "page.html")
    client = mlflow.MlflowClient()
    source = client.get_run(run_id).info.artifact_uri + "/model"
    client.create_registered_model("detector")
    client.create_model_version("detector", source, run_id)
    return run_id


def enter(folder, monkeypatch):
    mlflow.set_tracking_uri(None)  # before the variable, which it deletes if an address was set
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/outputs/mlflow.db")
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", str(folder / "outputs/mlartifacts"))


def test_a_moved_checkout_finds_its_artifacts_again(run, checkout, monkeypatch, tmp_path_factory):
    moved = tmp_path_factory.mktemp("elsewhere") / "moved here"
    shutil.move(checkout / "outputs", moved / "outputs")
    enter(moved, monkeypatch)
    assert relocate_artifacts() > 0
    place = (moved / "outputs/mlartifacts").as_uri()
    (file,) = mlflow.MlflowClient().list_artifacts(run)
    assert file.path == "page.html"
    local = mlflow.artifacts.download_artifacts(run_id=run, artifact_path="page.html")
    assert Path(local).read_text() == "the page"
    version = mlflow.MlflowClient().get_model_version("detector", "1")
    assert version.source == f"{place}/{run}/artifacts/model"
    experiment = mlflow.MlflowClient().get_experiment_by_name(mlflow_runs.EXPERIMENT)
    assert experiment.artifact_location == place
    assert relocate_artifacts() == 0


def test_a_copy_writes_into_itself_and_not_into_the_original(
    run, checkout, monkeypatch, tmp_path_factory
):
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(checkout / "outputs", copy / "outputs")
    enter(copy, monkeypatch)
    second = mlflow_runs.start_run(Settings().replace(seed=9), "dvc:abc.dir", copy / "fit")
    mlflow_runs.log_page(second, "new", "page.html")
    assert (copy / "outputs/mlartifacts" / second).is_dir()
    assert not (checkout / "outputs/mlartifacts" / second).exists()


def test_a_folder_that_was_chosen_on_purpose_is_kept(run, checkout, monkeypatch, tmp_path_factory):
    other = tmp_path_factory.mktemp("own") / "mlartifacts"
    other.mkdir()
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", str(other))
    assert relocate_artifacts() == 0
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", str(other.parent / "another"))
    assert relocate_artifacts() == 0


def test_where_nothing_was_moved_nothing_changes(run):
    assert relocate_artifacts() == 0


def test_a_tracking_server_is_left_alone(monkeypatch, tmp_path):
    mlflow.set_tracking_uri(None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", str(tmp_path))
    assert relocate_artifacts() == 0
