"""Reading of single frames at given times."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from unmask.optional_deps import require
from unmask.preprocessing.media.colour import to_upright_rgb
from unmask.preprocessing.media.frames import Frame, iter_frames
from unmask.preprocessing.media.sampling import TOLERANCE_S

# About half a keyframe interval: below it, decoding onwards is faster than seeking
SEEK_GAP_S = 5.0


def read_frames_at(path: Path, times_s: Sequence[float]) -> Iterator[Frame]:
    """Read the frames that are shown at ``times_s``.

    Decodes only the parts around these times, and holds one frame in memory.

    Args:
        times_s: Times as yielded by
            :func:`unmask.preprocessing.media.frames.iter_sampled_frames`.

    Yields:
        Presentation time, and upright RGB, shape ``(height, width, 3)``; each time once, not
        necessarily in order. Times at which no frame is shown yield nothing.

    Raises:
        MediaError: The file cannot be opened.
    """
    for group in _group_times(sorted(set(times_s))):
        yield from _read_matching(path, group, group[0])


def _group_times(times_s: Sequence[float]) -> list[list[float]]:
    """Group times that are close enough to be decoded in one pass."""
    groups: list[list[float]] = []
    for time_s in times_s:
        if groups and time_s - groups[-1][-1] < SEEK_GAP_S:
            groups[-1].append(time_s)
        else:
            groups.append([time_s])
    return groups


def _read_matching(path: Path, times_s: Sequence[float], start_s: float) -> Iterator[Frame]:
    """Yield the frames shown at ``times_s``, which ascend, under exactly these times."""
    reformatter = require("av.video.reformatter", extra="media").VideoReformatter()
    pending = list(times_s)
    for time_s, frame in iter_frames(path, start_s):
        if not pending or time_s > times_s[-1] + TOLERANCE_S:
            return
        if abs(time_s - pending[0]) <= TOLERANCE_S:
            yield pending.pop(0), to_upright_rgb(frame, reformatter)
        while pending and time_s > pending[0] + TOLERANCE_S:
            pending.pop(0)
