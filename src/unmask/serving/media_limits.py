"""What a file says of itself, held against limits before anything of it is decoded."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unmask.errors import MediaError
from unmask.optional_deps import require
from unmask.preprocessing.media.decode import FORMATS, REMEDY, decodable_streams


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """The most that is taken on.

    Attributes:
        pixels: Width times height.
        frames: As the container counts them, or as duration and rate give them.
    """

    duration_s: float = 1800.0
    pixels: int = 7680 * 4320
    frames: int = 200_000


def check_media_limits(
    path: Path, shown_as: str, limits: MediaLimits, part_s: tuple[float, float] = (0.0, math.inf)
) -> float:
    """Read the container's header; what it is called does not count.

    A header may lie; limits of time and memory on the process that decodes are for that.

    Args:
        part_s: Begin and end of what is to be analyzed; length and number of pictures are
            those of this part.

    Returns:
        The length that the container states, in seconds; 0 where it states none.

    Raises:
        MediaError: It is no media file, or larger than the limits.
    """
    av = require("av", extra="media")
    if not path.stat().st_size:
        raise MediaError(f"{shown_as}: is empty (0 bytes); {REMEDY}")
    try:
        container = av.open(str(path), options={"format_whitelist": ",".join(FORMATS)})
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not understood"
        raise MediaError(f"{shown_as}: is no readable media file ({reason}); {REMEDY}") from error
    with container:
        duration_s = float(container.duration or 0) / 1e6
        start_s, end_s = part_s
        asked_s = max(min(end_s, duration_s) - start_s, 0.0)
        _check(f"{shown_as}: is {asked_s:.0f} s long", asked_s, limits.duration_s, "s")
        share = asked_s / duration_s if duration_s else 1.0
        for stream in decodable_streams(container.streams.video):
            size = stream.width * stream.height
            words = f"{shown_as}: has pictures of {stream.width}×{stream.height}"
            _check(words, size, limits.pixels, "pixels")
            frames = round(_frames(stream, duration_s) * share)
            _check(f"{shown_as}: has {frames} pictures", frames, limits.frames, "pictures")
    return duration_s


def _frames(stream: Any, duration_s: float) -> int:
    return int(stream.frames or duration_s * float(stream.average_rate or 0))


def _check(words: str, found: float, most: float, unit: str) -> None:
    if found > most:
        raise MediaError(f"{words}, and at most {most:g} {unit} are taken; send a smaller part")
