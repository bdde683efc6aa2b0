"""Clips of a run."""

from typing import Annotated

from zenml import step

from steps.platforms.dvc_data import load_clips
from steps.platforms.materializers import ClipsMaterializer
from unmask.config import DataSettings, Settings
from unmask.records import Clip


@step(
    enable_cache=False,
    output_materializers={"clips": ClipsMaterializer, "own_forgeries": ClipsMaterializer},
)
def ingest_data(
    data: tuple[str, ...], seed: int, settings: DataSettings, run: Settings
) -> tuple[
    Annotated[tuple[Clip, ...], "clips"],
    Annotated[str, "data_version"],
    Annotated[dict[str, str], "unreadable"],
    Annotated[tuple[Clip, ...], "own_forgeries"],
]:
    """Pull and verify the pinned data set, or read other data sets; list their unreadable files.

    Sealed clips are left out, and own forgeries of val and test are an output of their own. Where
    there are too few clips for what the run promises, that is said before any other work.

    The step is never cached: its outputs show the cached steps whether the data has changed.
    """
    clips, version, unreadable, own_forgeries = load_clips(data, seed, settings, run)
    return clips, version, unreadable, own_forgeries
