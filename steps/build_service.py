"""The service's Bento, with the new champion."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.bento_build import package_champion
from unmask.evaluation.gates import GateReport


@step(enable_cache=False)
def build_service(bundle: Path, gates: GateReport) -> Annotated[str, "bento"]:
    """Publish the bundle as the champion and build the Bento, if a required gate was checked."""
    return package_champion(bundle, gates)
