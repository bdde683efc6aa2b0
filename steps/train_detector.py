"""Training of one detector."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import TRAINING_POLICY
from steps.platforms.materializers import FolderMaterializer
from steps.platforms.mlflow_runs import lightning_logger, log_data, start_run, system_metrics
from steps.platforms.paths import CACHE, training_dir
from unmask.config import Settings
from unmask.data.augmentation.reencoded_copies import training_conditions
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.detector.fit import FrameEncoderSource, fit


@step(output_materializers={"member": FolderMaterializer}, cache_policy=TRAINING_POLICY)
def train_detector(
    clips: tuple[Clip, ...],
    data_version: str,
    settings: Settings,
    frame_encoder_from: Path | None = None,
) -> tuple[Annotated[Path, "member"], Annotated[str, "mlflow_run"]]:
    """Fit a detector and log to MLflow; an interrupted fit is resumed.

    ``frame_encoder_from`` is the bundle whose frame encoder an ensemble member takes over.
    """
    out = training_dir(data_version, settings)
    run = start_run(settings, data_version, out)
    log_data(run, clips)
    cache = Cache(CACHE)
    load = make_feature_loader(
        settings.preprocessing, cache, clips, training_conditions(settings.augmentation)
    )
    encoder = FrameEncoderSource(frame_encoder_from, cache)
    with system_metrics(run):
        return fit(clips, settings, load, out, lightning_logger(run), encoder), run
