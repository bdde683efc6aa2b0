"""All members of an ensemble, and the lip-sync model, in one bundle."""

from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated

from zenml import step
from zenml.config.cache_policy import CachePolicy

from steps.platforms.cache_keys import training_fingerprint
from steps.platforms.materializers import FolderMaterializer
from steps.platforms.mlflow_runs import nest_runs
from unmask.config import Settings
from unmask.training.detector import ensemble


@step(
    output_materializers={"uncalibrated": FolderMaterializer},
    cache_policy=CachePolicy(cache_func=training_fingerprint),
)
def join_members(
    members: list[Path], runs: list[str], sync: Path, settings: Settings
) -> Annotated[Path, "uncalibrated"]:
    """Join what was trained side by side; the first member's MLflow run goes on for all."""
    nest_runs(*runs)
    out = Path(mkdtemp(prefix="unmask-")) / "bundle"
    return ensemble.build_ensemble_bundle(members, sync, settings, out)
