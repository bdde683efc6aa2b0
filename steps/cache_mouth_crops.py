"""Mouth crops for the lip-sync model."""

from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import PREPROCESSING_POLICY
from steps.platforms.feature_cache import preprocess_stage
from unmask.config import PreprocessingSettings
from unmask.preprocessing.run_batch import PreprocessReport
from unmask.records import Clip


@step(cache_policy=PREPROCESSING_POLICY)
def cache_mouth_crops(
    clips: tuple[Clip, ...], settings: PreprocessingSettings
) -> Annotated[PreprocessReport, "mouth_crops_report"]:
    """Cut out mouth crops; skipped without lip-sync."""
    return preprocess_stage(clips, settings, "lips")
