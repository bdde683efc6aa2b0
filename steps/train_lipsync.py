"""From genuine clips to a model of lips and speech."""

from pathlib import Path
from typing import Annotated

from zenml import step
from zenml.config.cache_policy import CachePolicy

from steps.platforms.cache_keys import training_code
from steps.platforms.materializers import FolderMaterializer
from steps.platforms.paths import CACHE, RUNS
from unmask.config import Settings
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.full_run import sync_of


@step(
    output_materializers={"sync": FolderMaterializer},
    cache_policy=CachePolicy(cache_func=training_code),
)
def train_sync(clips: tuple[Clip, ...], settings: Settings) -> Annotated[Path, "sync"]:
    """Train the lip-sync model; an empty folder where the settings ask for none."""
    return sync_of(clips, settings, Cache(CACHE), RUNS)
