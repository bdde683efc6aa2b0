"""Media limits: checks of a file before anything of it is decoded."""

import math
from pathlib import Path

from unmask.errors import MediaError
from unmask.preprocessing.media.audio_runs import MAX_CHANNELS
from unmask.preprocessing.media.container import (
    REMEDY,
    decodable_streams,
    media_sha256,
    open_container,
)
from unmask.preprocessing.media.limits import MediaLimits, check_limit, limit_decoding
from unmask.preprocessing.media.timeline import read_timeline

__all__ = ["MediaLimits", "check_container", "check_media_limits", "limit_decoding", "media_sha256"]


def check_container(path: Path, shown_as: str, limits: MediaLimits) -> None:
    """Open a file, regardless of its suffix, and look at its streams; no packet is read.

    Args:
        shown_as: Name of the file in errors.

    Raises:
        MediaError: The file is not a media file, has neither video nor audio that can be decoded,
            or states frames above a limit.
    """
    try:
        with open_container(path) as container:
            videos = list(decodable_streams(container.streams.video))
            audios = list(decodable_streams(container.streams.audio))
            sizes = [(stream.width, stream.height) for stream in videos]
    except MediaError as error:
        raise MediaError(str(error).replace(str(path), shown_as)) from error
    if not videos and not audios:
        raise MediaError(f"{shown_as}: has neither video nor audio that can be decoded; {REMEDY}")
    for width, height in sizes:
        size = f"{shown_as}: has frames of {width}×{height}"
        check_limit(size, width * height, limits.pixels, "pixels")


def check_media_limits(
    path: Path,
    shown_as: str,
    limits: MediaLimits,
    time_range_s: tuple[float, float] = (0.0, math.inf),
) -> float:
    """Check a file's packets and the stated size of its frames, regardless of its suffix.

    What only decoding shows is checked then, see
    :func:`unmask.preprocessing.media.limits.limit_decoding`. The process that decodes the file
    needs limits of time and memory, too.

    Args:
        shown_as: Name of the file in errors.
        time_range_s: Start and end of what is to be analyzed; length and number of frames are
            those of this range.

    Returns:
        The length of the file in seconds.

    Raises:
        MediaError: The file is not a media file, or exceeds a limit.
    """
    if not path.stat().st_size:
        raise MediaError(f"{shown_as}: is empty (0 bytes); {REMEDY}")
    try:
        timeline = read_timeline(path)
        with open_container(path) as container:
            videos = [
                (stream.index, stream.width, stream.height)
                for stream in decodable_streams(container.streams.video)
            ]
            channels = [
                stream.codec_context.layout.nb_channels
                for stream in decodable_streams(container.streams.audio)
            ]
    except MediaError as error:
        raise MediaError(str(error).replace(str(path), shown_as)) from error
    start_s, end_s = time_range_s
    length_s = max(min(end_s, timeline.duration_s) - start_s, 0.0)
    check_limit(f"{shown_as}: is {length_s:.0f} s long", length_s, limits.duration_s, "s")
    for count in channels:
        sound = f"{shown_as}: has sound with {count} channels"
        check_limit(sound, count, MAX_CHANNELS, "channels")
    for index, width, height in videos:
        size = f"{shown_as}: has frames of {width}×{height}"
        check_limit(size, width * height, limits.pixels, "pixels")
        frames = len(timeline.shown_in_s(index, time_range_s))
        check_limit(f"{shown_as}: has {frames} frames", frames, limits.frames, "frames")
    return timeline.duration_s
