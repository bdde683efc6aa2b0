"""The detector that a new one has to beat, or one that is asked for."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms import model_registry
from steps.platforms.materializers import FolderMaterializer


@step(enable_cache=False, output_materializers={"champion": FolderMaterializer})
def fetch_champion(
    phase: int, version: str = "", needed: bool = False
) -> Annotated[Path, "champion"]:
    """Copy a registered bundle; the champion if no version is named.

    The folder is empty where there is no champion yet, unless one is ``needed``.
    """
    return model_registry.download(phase, version, needed)
