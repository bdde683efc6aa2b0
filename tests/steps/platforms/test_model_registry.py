import mlflow
import pytest

from steps.platforms import mlflow_runs, model_registry
from unmask.config import Settings
from unmask.errors import GateError


@pytest.fixture
def run(checkout, tmp_path):
    return mlflow_runs.start_run(Settings(), "dvc:abc.dir", tmp_path / "fit")


def aliases():
    aliases = mlflow.MlflowClient().get_registered_model("unmask-phase-1").aliases
    return {name: str(version) for name, version in aliases.items()}


@pytest.mark.slow
def test_a_bundle_is_registered_once_and_comes_back_whole(run, bundle_folder, tmp_path):
    tags = {"bundle_sha256": "abc", "phase": "1"}
    assert model_registry.register(run, 1, bundle_folder, tags) == "1"
    assert model_registry.register(run, 1, bundle_folder, tags) == "1"
    assert model_registry.register(run, 1, bundle_folder, {**tags, "bundle_sha256": "def"}) == "2"
    model_registry.set_alias(1, "1", model_registry.CHALLENGER)
    assert aliases() == {"challenger": "1"}
    model_registry.set_alias(1, "1", model_registry.CHAMPION)
    assert aliases() == {"champion": "1"}
    model_registry.set_alias(1, "2", model_registry.CHALLENGER)
    assert aliases() == {"champion": "1", "challenger": "2"}
    for version in ("", "2"):
        folder = model_registry.download(1, tmp_path / f"version{version}", version)
        for name in ("bundle.json", "model.safetensors"):
            assert (folder / name).read_bytes() == (bundle_folder / name).read_bytes()
    version = mlflow.MlflowClient().get_model_version("unmask-phase-1", "1")
    assert version.tags["bundle_sha256"] == "abc"


@pytest.mark.usefixtures("checkout")
def test_a_missing_champion_is_an_empty_folder_unless_one_is_required(tmp_path):
    assert model_registry.download(9, tmp_path) == tmp_path
    # a phase that no other test registers anything for
    with pytest.raises(GateError, match="unmask-phase-9: no champion is registered"):
        model_registry.download(9, tmp_path, required=True)
    with pytest.raises(GateError, match="no version 3 is registered"):
        model_registry.download(9, tmp_path, "3")
