"""Calibrated probabilities and verdict thresholds."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import TRAINING_POLICY
from steps.platforms.materializers import FolderMaterializer, step_dir
from steps.platforms.paths import CACHE
from unmask.config import CalibrationPlan
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.calibration.fit import calibrate_bundle


@step(output_materializers={"bundle": FolderMaterializer}, cache_policy=TRAINING_POLICY)
def calibrate_scores(
    uncalibrated: Path, clips: tuple[Clip, ...], plan: CalibrationPlan
) -> Annotated[Path, "bundle"]:
    """Fit temperature, bias, lip-sync weight and thresholds; see :func:`.fit.calibrate_bundle`."""
    out = step_dir() / "bundle"
    return calibrate_bundle(uncalibrated, clips, Cache(CACHE), plan, out)
