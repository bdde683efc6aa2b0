"""From scores to probabilities that mean what they say."""

from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated

from zenml import step
from zenml.config.cache_policy import CachePolicy

from steps.platforms.cache_keys import training_fingerprint
from steps.platforms.materializers import FolderMaterializer
from steps.platforms.paths import CACHE
from unmask.config import UncertaintySettings
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.calibration.fit import calibrate_bundle


@step(
    output_materializers={"bundle": FolderMaterializer},
    cache_policy=CachePolicy(cache_func=training_fingerprint),
)
def calibrate_scores(
    uncalibrated: Path, clips: tuple[Clip, ...], promise: UncertaintySettings, sync_weight: float
) -> Annotated[Path, "bundle"]:
    """Fit temperature, bias, weight of lip-sync and thresholds on the validation clips."""
    out = Path(mkdtemp(prefix="unmask-")) / "bundle"
    return calibrate_bundle(uncalibrated, clips, Cache(CACHE), promise, sync_weight, out)
