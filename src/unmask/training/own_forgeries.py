"""Scores of this project's own forgeries of val and test, which no decision is made on.

A forgery is compared with its control, the genuine clip after the same cut and encoding.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from unmask.data.skipped_clips import with_used_stream
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.models.device_placement import load_on_accelerator
from unmask.preprocessing.cache import Cache
from unmask.records import Clip, ScoreRow
from unmask.training.score_frames import score_videos

log = logging.getLogger(__name__)


def score_own_forgeries(
    bundle: Path, clips: Sequence[Clip], cache: Cache | None
) -> tuple[ScoreRow, ...]:
    """Score own forgeries and their controls; those that cannot be scored are logged.

    Args:
        bundle: Directory of the bundle.
        clips: May be none.

    Raises:
        DataError: A clip is sealed.
    """
    if not clips:
        return ()
    loaded = load_on_accelerator(bundle)
    load = make_feature_loader(loaded.preprocessing, cache, clips)
    videos, problems = score_videos(
        loaded, with_used_stream(clips, loaded.settings.modalities), load
    )
    for clip_id, problem in problems.items():
        log.warning("own forgery %s was not scored: %s", clip_id, problem)
    return tuple(video.row for video in videos)
