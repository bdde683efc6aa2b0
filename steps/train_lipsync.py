"""From genuine clips to a model of lips and speech."""

from pathlib import Path
from typing import Annotated

from zenml import step
from zenml.config.cache_policy import CachePolicy

from steps.platforms.cache_keys import training_fingerprint
from steps.platforms.materializers import FolderMaterializer
from steps.platforms.paths import CACHE, RUNS
from unmask.config import Settings
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.full_run import fit_lipsync_if_enabled


@step(
    output_materializers={"sync": FolderMaterializer},
    cache_policy=CachePolicy(cache_func=training_fingerprint),
)
def train_sync(clips: tuple[Clip, ...], settings: Settings) -> Annotated[Path, "sync"]:
    """Train the lip-sync model; an empty folder where the settings ask for none."""
    return fit_lipsync_if_enabled(clips, settings, Cache(CACHE), RUNS)
