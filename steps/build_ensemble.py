"""All members of an ensemble and the lip-sync model in one bundle."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import TRAINING_POLICY
from steps.platforms.materializers import FolderMaterializer, step_dir
from steps.platforms.mlflow_runs import nest_runs
from unmask.config import Settings
from unmask.training.detector import ensemble


@step(output_materializers={"uncalibrated": FolderMaterializer}, cache_policy=TRAINING_POLICY)
def build_ensemble(
    members: list[Path], runs: list[str], lipsync: Path, settings: Settings
) -> Annotated[Path, "uncalibrated"]:
    """Join the members into one bundle; their MLflow runs are nested below the first one's."""
    nest_runs(*runs)
    return ensemble.build_ensemble_bundle(members, lipsync, settings, step_dir() / "bundle")
