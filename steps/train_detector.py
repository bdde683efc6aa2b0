"""From cached features to a detector."""

from pathlib import Path
from typing import Annotated

from zenml import step
from zenml.config.cache_policy import CachePolicy

from steps.platforms.cache_keys import training_fingerprint
from steps.platforms.materializers import FolderMaterializer
from steps.platforms.mlflow_runs import lightning_logger, start_run
from steps.platforms.paths import CACHE, training_dir
from unmask.config import Settings
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.detector.fit import FrozenFrameEncoder, fit


@step(
    output_materializers={"member": FolderMaterializer},
    cache_policy=CachePolicy(cache_func=training_fingerprint),
)
def train_detector(
    clips: tuple[Clip, ...], data_version: str, settings: Settings, first: Path | None = None
) -> tuple[Annotated[Path, "member"], Annotated[str, "mlflow_run"]]:
    """Fit a detector, live in MLflow; a fit that was killed goes on where it stopped.

    ``first`` is the bundle whose frame encoder this member of an ensemble takes over.
    """
    out = training_dir(data_version, settings)
    run = start_run(settings, data_version, out)
    cache = Cache(CACHE)
    load = make_feature_loader(settings.preprocessing, cache)
    frozen = None if first is None else FrozenFrameEncoder(first, cache)
    return fit(clips, settings, load, out, lightning_logger(run), frozen), run
