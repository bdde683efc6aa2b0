"""Copies of the training clips, re-encoded from their files, from which an epoch may draw.

A copy passes the same way as a video that was uploaded again: the whole picture is encoded at its
own frame rate, and faces are detected, aligned and tracked in what is left of it. Copies and their
features are kept in the cache, so that each is made once.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np

from unmask.config import AugmentationSettings, PreprocessingSettings
from unmask.config.codec_conditions import parse_condition
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.transcode_batch import transcode_clips
from unmask.records import Clip

log = logging.getLogger(__name__)
STREAM = 0xC0DEC  # keeps the draws apart from those of other transforms


def training_conditions(augmentation: AugmentationSettings) -> tuple[str, ...]:
    """Return the codec conditions of the copies that training draws from."""
    return augmentation.reencodings if augmentation.reencode else ()


def reencode_training_clips(
    clips: Sequence[Clip],
    names: Sequence[str],
    settings: PreprocessingSettings,
    cache: Cache,
    jobs: int = 2,
) -> dict[tuple[Path, str], Path]:
    """Re-encode the training clips under all conditions, and compute the features of the copies.

    A clip that cannot be re-encoded under a condition is logged, and its pair is left out: if one
    of a pair were re-encoded and the other not, compression would give the label away.

    Args:
        clips: Clips of any split; those of ``train`` with pictures are re-encoded.
        names: Codec conditions.
        jobs: Number of worker processes.

    Returns:
        File of the copy by file of the clip and condition.
    """
    train = [clip for clip in clips if clip.split == "train"]
    files = {clip.clip_id: clip.path for clip in train if clip.width}
    visible = [clip for clip in train if clip.clip_id in files]
    conditions = [parse_condition(name) for name in dict.fromkeys(names)]
    copies = {}
    for result in transcode_clips(visible, conditions, settings, cache, jobs):
        if result.error:
            log.warning(
                "%s, %s: not re-encoded: %s; nor are the other clips of its pair",
                *(result.clip_id, result.condition, result.error),
            )
        elif result.transcoded is not None:
            copies[files[result.clip_id], result.condition] = result.transcoded.path
    for condition in dict.fromkeys(names):
        lacking = {clip.pair_id for clip in train if (clip.path, condition) not in copies}
        for clip in train:
            if clip.pair_id in lacking:
                copies.pop((clip.path, condition), None)
    return copies


def draw_condition(clip: Clip, augmentation: AugmentationSettings, seed: int, epoch: int) -> str:
    """Draw the codec condition of a clip's copy, the same for all clips of a pair.

    Returns:
        Empty for the clip's own file.
    """
    rng = np.random.default_rng((seed, epoch, crc32(clip.pair_id.encode()), STREAM))
    happens = rng.random() < augmentation.reencode
    name = augmentation.reencodings[rng.integers(len(augmentation.reencodings))]
    return name if happens else ""
