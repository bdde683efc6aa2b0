"""Sealed clips of a release."""

from typing import Annotated

from zenml import step

from steps.platforms.dvc_data import load_sealed_clips
from steps.platforms.materializers import ClipsMaterializer
from unmask.config import DataSettings
from unmask.records import Clip


@step(enable_cache=False, output_materializers={"sealed_clips": ClipsMaterializer})
def ingest_sealed(
    data: tuple[str, ...], seed: int, settings: DataSettings
) -> tuple[Annotated[tuple[Clip, ...], "sealed_clips"], Annotated[str, "sealed_version"]]:
    """List the sealed clips of the pinned set, or of other data sets; none is scored yet."""
    clips, version = load_sealed_clips(data, seed, settings)
    return clips, version
