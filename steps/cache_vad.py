"""Voice activity detection (VAD)."""

from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import PREPROCESSING_POLICY
from steps.platforms.feature_cache import preprocess_stage
from unmask.config import PreprocessingSettings
from unmask.preprocessing.run_batch import PreprocessReport
from unmask.records import Clip


@step(cache_policy=PREPROCESSING_POLICY)
def cache_vad(
    clips: tuple[Clip, ...], settings: PreprocessingSettings
) -> Annotated[PreprocessReport, "vad_report"]:
    """Detect the spans of every clip that contain speech."""
    return preprocess_stage(clips, settings, "speech")
