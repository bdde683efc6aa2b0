"""Count of the openings of a sealed split."""

from typing import Annotated

from zenml import step

from steps.platforms import releases


@step(enable_cache=False)
def count_opening(phase: int, version: str, sealed_version: str) -> Annotated[str, "mlflow_run"]:
    """Record, before the first clip is scored, that a version opens the sealed split."""
    return releases.count_opening(phase, version, sealed_version)
