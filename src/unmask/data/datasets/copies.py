"""Copies of one file in the data of a run, of which one clip is kept."""

import logging
from collections.abc import Sequence

from unmask.errors import DataError
from unmask.records import SEALED, SPLITS, Clip

KEPT_FIRST = (SEALED, *reversed(SPLITS))  # a clip of training has the last claim to a file

log = logging.getLogger(__name__)


def leave_out_copies(clips: Sequence[Clip], place: object) -> tuple[Clip, ...]:
    """Return the clips with one for each file content; log how many others there are.

    Of copies in several splits the sealed one is kept, else that of test, then of val. Of copies in
    one split the first is kept.

    Args:
        place: Names the data in messages.

    Raises:
        DataError: The labels of two copies contradict each other, or a source loses all its clips.
    """
    kept: dict[str, Clip] = {}
    for clip in sorted(clips, key=lambda clip: KEPT_FIRST.index(clip.split)):
        _check_labels(clip, kept.setdefault(clip.sha256, clip), place)
    pairs = [(clip, kept[clip.sha256]) for clip in clips if kept[clip.sha256] is not clip]
    if not pairs:
        return tuple(clips)
    remaining = tuple(clip for clip in clips if kept[clip.sha256] is clip)
    _log_copies(pairs, remaining, place)
    if lost := {clip.source for clip, _ in pairs} - {clip.source for clip in remaining}:
        raise DataError(
            f"{place}: every clip of {min(lost)} is a copy of another file; leave this set out"
        )
    return remaining


def _check_labels(clip: Clip, other: Clip, place: object) -> None:
    labels = zip(
        (clip.is_fake, clip.fake_video, clip.fake_audio),
        (other.is_fake, other.fake_video, other.fake_audio),
        strict=True,
    )
    if any(None not in pair and pair[0] != pair[1] for pair in labels):
        if other.path == clip.path:
            problem, remedy = f"{clip.path} is listed twice", "remove the entry that is wrong"
        else:
            problem = f"{other.path} and {clip.path} are the same file"
            remedy = "delete the one that is labelled wrongly"
        raise DataError(f"{place}: {problem} with contradicting labels; {remedy}")


def _log_copies(
    pairs: Sequence[tuple[Clip, Clip]], remaining: Sequence[Clip], place: object
) -> None:
    copy, original = pairs[0]
    log.warning(
        "%s: left out %d copies of files that other clips hold, first: %s in %s is %s in %s",
        *(place, len(pairs), copy.path, copy.split, original.path, original.split),
    )
    # the names of two sets keep one person apart, so no leak is found between them
    moved = {clip.identity for clip, other in pairs if clip.split != other.split}
    known = [
        clip for clip in remaining if clip.identity in moved and clip.split in ("train", "val")
    ]
    if known:
        log.warning(
            "%s: %d clips of train and val show people of such copies, whom val or test shows, too",
            *(place, len(known)),
        )
