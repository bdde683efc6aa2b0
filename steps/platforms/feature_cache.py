"""Preprocessing of clips into the feature cache, one stage at a time."""

import logging
from collections.abc import Iterable, Mapping

from steps.platforms.paths import CACHE
from unmask.config import PreprocessingSettings
from unmask.data.skipped_clips import check_skipped
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.run_batch import PreprocessReport, preprocess_files
from unmask.records import Clip

log = logging.getLogger(__name__)


def preprocess_stage(
    clips: tuple[Clip, ...], settings: PreprocessingSettings, stage: str
) -> PreprocessReport:
    """Compute one stage's features of every clip; files that are in the cache are skipped.

    Args:
        stage: ``faces``, ``flow``, ``lips`` or ``speech``.
    """
    return preprocess_files(clips, settings, Cache(CACHE), stages=(stage,))


def select_usable(
    clips: tuple[Clip, ...], unreadable: Mapping[str, str], reports: Iterable[PreprocessReport]
) -> tuple[tuple[Clip, ...], dict[str, str]]:
    """Return the clips that every stage could prepare, and why the others are left out.

    Args:
        unreadable: Files that were left out before, with their reasons.
        reports: Each with one file per clip.

    Raises:
        DataError: Too many clips are left out; see
            :func:`unmask.data.skipped_clips.check_skipped`.
    """
    problems: dict[str, str] = {}
    for report in reports:
        for clip, file in zip(clips, report.files, strict=True):
            if file.error:
                problems.setdefault(clip.clip_id, file.error)
    for clip_id, problem in problems.items():
        log.warning("clip %s was left out: %s", clip_id, problem)
    skipped = {**unreadable, **problems}
    if skipped:
        log.warning("%d of %d clips were left out", len(skipped), len(clips) + len(unreadable))
    return check_skipped(clips, problems), skipped
