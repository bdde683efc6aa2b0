"""Clips that a run can use."""

from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import DATA_POLICY
from steps.platforms.feature_cache import select_usable
from steps.platforms.materializers import ClipsMaterializer
from unmask.preprocessing.run_batch import PreprocessReport
from unmask.records import Clip


@step(output_materializers={"usable_clips": ClipsMaterializer}, cache_policy=DATA_POLICY)
def select_clips(
    clips: tuple[Clip, ...],
    unreadable: dict[str, str],
    faces: PreprocessReport,
    flow: PreprocessReport,
    mouth_crops: PreprocessReport,
    vad: PreprocessReport,
) -> tuple[Annotated[tuple[Clip, ...], "usable_clips"], Annotated[dict[str, str], "skipped_clips"]]:
    """Leave out the clips that a stage failed on; fail if they are too many."""
    usable, skipped = select_usable(clips, unreadable, (faces, flow, mouth_crops, vad))
    return usable, skipped
