"""Decoding of a media file's video to timestamped, upright frames, with PyAV."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require
from unmask.preprocessing.media.colour import to_upright_rgb
from unmask.preprocessing.media.container import open_container, video_stream
from unmask.preprocessing.media.decode import decode_stream
from unmask.preprocessing.media.display import Display, DisplayedFrame
from unmask.preprocessing.media.limits import FrameCounter
from unmask.preprocessing.media.sampling import FrameSampler
from unmask.preprocessing.media.timeline import read_timeline

SEEK_BACK_S = 1.0  # the sampler needs the frames just before a window to choose its first frame

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
        MediaError: The file cannot be opened, or exceeds the limits of decoding.
    """
    first_s = start_s - SEEK_BACK_S
    for seeks in (True, False):
        with open_container(path) as container:
            stream = video_stream(container)
            if stream is None:
                return
            display, timeline = Display(path, container, stream), read_timeline(path)
            sought = seeks and _seek(container, stream, path, first_s)
            counter, times = FrameCounter(path, start_s), timeline.streams.get(stream.index)
            frame_s = times.packets.packet_s if times else 0.0
            time_s = -frame_s
            for frame in decode_stream(container, stream, path, sought):
                # a damaged file may not tell the time of a frame: it follows the last one
                time_s = time_s + frame_s if frame.time is None else frame.time - timeline.zero_s
                if sought and time_s > first_s:  # the container sought to a place too late
                    break
                sought = False
                counter.add(time_s, frame.width, frame.height)
                yield time_s, display.show(frame)
            else:
                if not sought:
                    return


def _seek(container: Any, stream: Any, path: Path, first_s: float) -> bool:
    """Seek to the last key frame that is shown at ``first_s`` or before; return whether it did."""
    key_s = read_timeline(path).seek_time_s(stream.index, first_s)
    if key_s is None:
        return False
    try:
        container.seek(round(key_s / stream.time_base), stream=stream)
    except require("av", extra="media").error.FFmpegError:
        return False
    return True
