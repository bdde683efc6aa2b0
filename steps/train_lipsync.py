"""Training of the lip-sync model."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import TRAINING_POLICY
from steps.platforms.materializers import FolderMaterializer
from steps.platforms.paths import CACHE, RUNS
from unmask.config import Settings
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.full_run import fit_lipsync_if_enabled


@step(output_materializers={"lipsync": FolderMaterializer}, cache_policy=TRAINING_POLICY)
def train_lipsync(clips: tuple[Clip, ...], settings: Settings) -> Annotated[Path, "lipsync"]:
    """Fit the lip-sync model on genuine clips; an empty folder if the settings turn it off."""
    return fit_lipsync_if_enabled(clips, settings, Cache(CACHE), RUNS)
