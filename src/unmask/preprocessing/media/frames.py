"""Decoding of a media file's video to timestamped, upright frames, with PyAV."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require
from unmask.preprocessing.media.colour import to_upright_rgb
from unmask.preprocessing.media.container import (
    decode_stream,
    open_container,
    start_time_s,
    video_stream,
)
from unmask.preprocessing.media.display import Display, DisplayedFrame
from unmask.preprocessing.media.sampling import FrameSampler

SEEK_BACK_S = 1.0  # the sampler needs the frames just before a window to choose its first frame
DEFAULT_FPS = 25.0  # for raw streams that state no rate

Frame = tuple[float, NDArray[np.uint8]]  # presentation time in seconds, RGB image


def iter_sampled_frames(
    path: Path,
    rate_hz: float,
    start_s: float = 0.0,
    end_s: float | None = None,
    on_frame: Callable[[float, DisplayedFrame], None] | None = None,
) -> Iterator[Frame]:
    """Decode from ``start_s`` to ``end_s`` and yield ``rate_hz`` frames per second.

    Time 0 is the start of the container, for video and audio alike. Frames are as a
    player shows them: upright, cropped, in their aspect ratio. Damaged parts are skipped and
    logged.

    Args:
        on_frame: Called with time and frame of every decoded frame, sampled or not, before it is
            yielded; see :func:`unmask.preprocessing.media.colour.luma`.

    Yields:
        Presentation time in seconds, and upright RGB, shape ``(height, width, 3)``.

    Raises:
        MediaError: The file cannot be opened.
    """
    sampler = FrameSampler(rate_hz)
    reformatter = require("av.video.reformatter", extra="media").VideoReformatter()
    for time_s, frame in iter_frames(path, start_s):
        if end_s is not None and time_s >= end_s:
            return
        if on_frame is not None:
            on_frame(time_s, frame)
        if sampler.should_take(time_s) and time_s >= start_s:
            yield time_s, to_upright_rgb(frame, reformatter)


def iter_frames(path: Path, start_s: float = 0.0) -> Iterator[tuple[float, DisplayedFrame]]:
    """Yield time and decoded frame of every frame, from at most ``SEEK_BACK_S`` before ``start_s``.

    Raises:
        MediaError: The file cannot be opened.
    """
    with open_container(path) as container:
        stream = video_stream(container)
        if stream is None:
            return
        display = Display(path, container, stream)
        if start_s > SEEK_BACK_S:
            container.seek(int((start_s - SEEK_BACK_S + start_time_s(container)) * 1e6))
        for index, frame in enumerate(decode_stream(container, stream, path)):
            yield _time_s(frame, index, stream) - start_time_s(container), display.show(frame)


def _time_s(frame: Any, index: int, stream: Any) -> float:
    """Return the presentation time, computed from the index where the container has none."""
    if frame.time is not None:
        return float(frame.time)
    return index / float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)
