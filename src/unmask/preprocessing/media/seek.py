"""Single frames of a video, fetched again long after the video went by."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from unmask.optional_deps import require
from unmask.preprocessing.media.decode import Frame, iter_frames, to_upright_rgb
from unmask.preprocessing.media.sampling import SLACK_S

SEEK_GAP_S = 5.0  # half of what lies between two keyframes: decoding on is quicker up to there


def read_frames_at(path: Path, times_s: Sequence[float]) -> Iterator[Frame]:
    """The frames of :func:`unmask.preprocessing.media.decode.frames` that are shown at ``times_s``.

    Only what lies around the wanted times is decoded, and one picture is held at a time. Where
    jumping about in the file fails, it is read from its beginning.

    Yields:
        Presentation time, and RGB as shown, shape ``(height, width, 3)``; not necessarily in
        order, each time once, and nothing for a time at which no frame is shown.

    Raises:
        MediaError: The file cannot be opened.
    """
    av = require("av", extra="media")
    missing = sorted(set(times_s))
    for run in _runs(tuple(missing)):
        try:
            for time_s, picture in _matching(path, run, run[0]):
                missing.remove(time_s)
                yield time_s, picture
        except av.error.FFmpegError:  # a raw stream knows no way to a moment
            break
    if missing:
        yield from _matching(path, missing, 0.0)


def _runs(times_s: Sequence[float]) -> list[list[float]]:
    """Times that are near enough to each other to be decoded in one go."""
    runs: list[list[float]] = []
    for time_s in times_s:
        if runs and time_s - runs[-1][-1] < SEEK_GAP_S:
            runs[-1].append(time_s)
        else:
            runs.append([time_s])
    return runs


def _matching(path: Path, times_s: Sequence[float], start_s: float) -> Iterator[Frame]:
    """Frames shown at ``times_s``, which ascend, under exactly those times."""
    converter = require("av.video.reformatter", extra="media").VideoReformatter()
    waiting = list(times_s)
    for time_s, frame in iter_frames(path, start_s):
        if not waiting or time_s > times_s[-1] + SLACK_S:
            return
        if abs(time_s - waiting[0]) <= SLACK_S:
            yield waiting.pop(0), to_upright_rgb(frame, converter)
        while waiting and time_s > waiting[0] + SLACK_S:
            waiting.pop(0)
