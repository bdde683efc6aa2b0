"""A working folder with its own MLflow and BentoML, and detectors and clips to compare."""

import shutil
from dataclasses import replace

import mlflow
import pytest
import torch

from tests.factories import make_clip
from unmask.files import file_sha256
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.detector import Detector


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory):
    """An MLflow database without runs; creating one takes a second of migrations."""
    path = tmp_path_factory.mktemp("database") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def checkout(tmp_path, monkeypatch, mlflow_database):
    """Enter an empty folder that has its own MLflow database."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs").mkdir()
    shutil.copy(mlflow_database, tmp_path / "outputs/mlflow.db")
    mlflow.set_tracking_uri(None)  # Lightning sets it; this deletes the variable as well
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/outputs/mlflow.db")
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", str(tmp_path / "outputs/mlartifacts"))
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "outputs/bentoml"))
    yield tmp_path
    mlflow.set_tracking_uri(None)


@pytest.fixture(scope="module")
def other_bundle(bundle_folder, tmp_path_factory):
    """A detector of phase 3 with other weights than `bundle_folder`, which is of phase 1."""
    bundle = load_bundle(bundle_folder)
    with torch.random.fork_rng():
        torch.manual_seed(8)
        detector = Detector(bundle.settings)
    folder = tmp_path_factory.mktemp("other") / "bundle"
    save_bundle(folder, replace(bundle, members=(detector,), phase=3))
    return folder


@pytest.fixture
def clips(make_video, tmp_path):
    """Two test clips of either class and of two people, and one of another split."""
    rows = []
    for number in range(5):
        path = make_video(tmp_path / f"{number}.mp4", seconds=0.5 + number / 10)
        split = "train" if number == 4 else "test"
        facts = {"path": path, "sha256": file_sha256(path), "split": split}
        facts["identity"] = f"p{number // 2}"
        rows.append(make_clip(clip_id=str(number), fake_video=number % 2 == 1, **facts))
    return tuple(rows)
