"""Validation of the data set."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import DATA_POLICY
from steps.platforms.materializers import FolderMaterializer
from steps.platforms.paths import VALIDATION
from unmask.data.validation.validate import validate
from unmask.records import Clip


@step(output_materializers={"data_docs": FolderMaterializer}, cache_policy=DATA_POLICY)
def validate_data(
    clips: tuple[Clip, ...], shortcut_level: str, seed: int
) -> Annotated[Path, "data_docs"]:
    """Check rows, splits and shortcuts; fail where a required check fails."""
    validate(clips, VALIDATION, shortcut_level, seed).raise_if_failed()
    return VALIDATION
