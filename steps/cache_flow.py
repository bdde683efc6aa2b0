"""Compute the optical flow between neighbouring aligned faces, once per file."""

from typing import Annotated

from zenml import step
from zenml.config.cache_policy import CachePolicy

from steps.platforms.cache_keys import preprocessing_code
from steps.platforms.paths import CACHE
from unmask.config import PreprocessingSettings
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.run_batch import PreprocessReport, preprocess_files
from unmask.records import Clip


@step(cache_policy=CachePolicy(cache_func=preprocessing_code))
def cache_flow(
    clips: tuple[Clip, ...], settings: PreprocessingSettings
) -> Annotated[PreprocessReport, "flow_report"]:
    """Compute how neighbouring faces moved; what lies in the cache is not done again."""
    return preprocess_files(clips, settings, Cache(CACHE), stages=("flow",))
