"""Clips that a run goes on without: how many it may lose, and which they were."""

import csv
import logging
from collections.abc import Mapping, Sequence
from io import StringIO

from unmask.errors import DataError
from unmask.records import SPLITS, Clip

MAX_SKIPPED_SHARE = 0.1

log = logging.getLogger(__name__)


def check_skipped(clips: Sequence[Clip], problems: Mapping[str, str]) -> tuple[Clip, ...]:
    """Return the clips without a problem.

    Args:
        clips: All clips of the run.
        problems: ``clip_id`` to the reason why that clip cannot be used.

    Raises:
        DataError: A split has lost all of its clips, or the run more than ``MAX_SKIPPED_SHARE`` of
            them. A single clip is never too many.
    """
    usable = tuple(clip for clip in clips if clip.clip_id not in problems)
    remaining = {clip.split for clip in usable}
    for split in SPLITS:
        lost = [clip for clip in clips if clip.split == split and clip.clip_id in problems]
        if lost and split not in remaining:
            raise DataError(
                f"split {split} is empty: none of its {len(lost)} clips can be used, first: "
                f"{problems[lost[0].clip_id]}; repair the files or add clips"
            )
    ids = {clip.clip_id for clip in clips}
    check_share(len(clips), {name: text for name, text in problems.items() if name in ids})
    return usable


def with_used_stream(clips: Sequence[Clip], modalities: Sequence[str]) -> list[Clip]:
    """Return the clips whose files have a stream that a detector uses; log how many have none.

    A file without one, such as sound alone for a detector of faces, is not lost: it says nothing.

    Args:
        modalities: ``video`` (the file has a picture), ``audio`` (it has sound), or both.
    """
    fitting = [clip for clip in clips if _has_used_stream(clip, modalities)]
    if len(fitting) < len(clips):
        log.warning(
            "%d of %d clips have no %s, and the detector uses nothing else; they are left out",
            *(len(clips) - len(fitting), len(clips), " or ".join(modalities)),
        )
    return fitting


def _has_used_stream(clip: Clip, modalities: Sequence[str]) -> bool:
    return ("video" in modalities and clip.width > 0) or ("audio" in modalities and clip.has_audio)


def check_share(total: int, problems: Mapping[str, str]) -> None:
    """Check that ``problems`` are not too many of ``total`` clips or files.

    Raises:
        DataError: They are more than one, and more than ``MAX_SKIPPED_SHARE``.
    """
    if len(problems) > max(total * MAX_SKIPPED_SHARE, 1):
        raise DataError(
            f"{len(problems)} of {total} clips cannot be used, more than "
            f"{MAX_SKIPPED_SHARE:.0%}; first: {min(problems.values())}; repair the files, or take "
            "them out of the data set"
        )


def to_csv(problems: Mapping[str, str]) -> str:
    """Return the problems as a table with the columns ``clip_id`` and ``reason``."""
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("clip_id", "reason"))
    writer.writerows(sorted(problems.items()))
    return stream.getvalue()
