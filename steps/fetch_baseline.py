"""Download of the pinned baseline."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms import model_registry
from steps.platforms.materializers import FolderMaterializer, step_dir


@step(enable_cache=False, output_materializers={"baseline": FolderMaterializer})
def fetch_baseline(phase: int) -> Annotated[Path, "baseline"]:
    """Download the baseline of a phase; an empty folder if nothing was promoted yet."""
    return model_registry.download_baseline(phase, step_dir())
