"""Download of a registered detector."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms import model_registry
from steps.platforms.materializers import FolderMaterializer, step_dir


@step(enable_cache=False, output_materializers={"champion": FolderMaterializer})
def fetch_champion(
    phase: int, version: str = "", required: bool = False
) -> Annotated[Path, "champion"]:
    """Download a registered bundle, the champion if ``version`` is empty.

    The folder is empty if no champion is registered and none is ``required``.
    """
    return model_registry.download(phase, step_dir(), version, required)
