"""From a promoted detector to a service."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.bento_build import package_champion
from unmask.evaluation.gates import GateReport


@step(enable_cache=False)
def package_service(bundle: Path, gates: GateReport) -> Annotated[str, "bento"]:
    """Keep the bundle as the champion and pack the Bento; a run without say packs nothing."""
    return package_champion(bundle, gates)
