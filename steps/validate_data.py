"""Whether the data is fit to train on."""

from pathlib import Path
from typing import Annotated

from zenml import step
from zenml.config.cache_policy import CachePolicy

from steps.platforms.cache_keys import data_code
from steps.platforms.materializers import FolderMaterializer
from steps.platforms.paths import VALIDATION
from unmask.data.validation.validate import validate
from unmask.records import Clip


@step(
    output_materializers={"data_docs": FolderMaterializer},
    cache_policy=CachePolicy(cache_func=data_code),
)
def validate_data(
    clips: tuple[Clip, ...], shortcut_level: str, seed: int
) -> Annotated[Path, "data_docs"]:
    """Check rows, splits and shortcuts; the pages that say what was found are kept."""
    validate(clips, VALIDATION, shortcut_level, seed).raise_if_failed()
    return VALIDATION
