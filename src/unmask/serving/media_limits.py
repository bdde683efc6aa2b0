"""Media limits: checks of a file's header before anything is decoded."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unmask.errors import MediaError
from unmask.optional_deps import require
from unmask.preprocessing.media.audio_runs import MAX_CHANNELS
from unmask.preprocessing.media.container import REMEDY, decodable_streams
from unmask.preprocessing.media.suffixes import FORMATS

SMALLER = "trim or downscale the file"
REMEDIES = {"channels": "export it with fewer"}


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Largest accepted file.

    Attributes:
        pixels: Width times height.
        frames: Number stated by the container, or duration times frame rate.
    """

    duration_s: float = 1800.0
    pixels: int = 7680 * 4320
    frames: int = 200_000


def check_media_limits(
    path: Path,
    shown_as: str,
    limits: MediaLimits,
    time_range_s: tuple[float, float] = (0.0, math.inf),
) -> float:
    """Check the container's header against ``limits``, regardless of the file's suffix.

    A header may be wrong. The process that decodes the file needs limits of time and memory, too.

    Args:
        shown_as: Name of the file in errors.
        time_range_s: Start and end of what is to be analyzed; length and number of frames are
            those of this range.

    Returns:
        The length stated by the container in seconds; 0 if it states none.

    Raises:
        MediaError: The file is not a media file, or exceeds a limit.
    """
    av = require("av", extra="media")
    if not path.stat().st_size:
        raise MediaError(f"{shown_as}: is empty (0 bytes); {REMEDY}")
    try:
        container = av.open(str(path), options={"format_whitelist": ",".join(FORMATS)})
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not understood"
        raise MediaError(
            f"{shown_as}: is not a readable media file ({reason}); {REMEDY}"
        ) from error
    with container:
        duration_s = float(container.duration or 0) / 1e6
        start_s, end_s = time_range_s
        length_s = max(min(end_s, duration_s) - start_s, 0.0)
        _check(f"{shown_as}: is {length_s:.0f} s long", length_s, limits.duration_s, "s")
        share = length_s / duration_s if duration_s else 1.0
        for stream in decodable_streams(container.streams.audio):
            channels = stream.codec_context.layout.nb_channels
            sound = f"{shown_as}: has sound with {channels} channels"
            _check(sound, channels, MAX_CHANNELS, "channels")
        for stream in decodable_streams(container.streams.video):
            pixels = stream.width * stream.height
            size = f"{shown_as}: has frames of {stream.width}×{stream.height}"
            _check(size, pixels, limits.pixels, "pixels")
            frames = round(_frame_count(stream, duration_s) * share)
            _check(f"{shown_as}: has {frames} frames", frames, limits.frames, "frames")
    return duration_s


def _frame_count(stream: Any, duration_s: float) -> int:
    return int(stream.frames or duration_s * float(stream.average_rate or 0))


def _check(message: str, value: float, limit: float, unit: str) -> None:
    if value > limit:
        raise MediaError(f"{message}; the limit is {limit:g} {unit}, {REMEDIES.get(unit, SMALLER)}")
