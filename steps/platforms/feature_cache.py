"""Preprocessing of clips into the feature cache, one stage at a time."""

from steps.platforms.paths import CACHE
from unmask.config import PreprocessingSettings
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.run_batch import PreprocessReport, preprocess_files
from unmask.records import Clip


def preprocess_stage(
    clips: tuple[Clip, ...], settings: PreprocessingSettings, stage: str
) -> PreprocessReport:
    """Compute one stage's features of every clip; files that are in the cache are skipped.

    Args:
        stage: ``faces``, ``flow``, ``lips`` or ``speech``.
    """
    return preprocess_files(clips, settings, Cache(CACHE), stages=(stage,))
