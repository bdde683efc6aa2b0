"""Limits of length, frames and pixels, counted while a file is decoded.

A header may state less than the file holds, and raw streams state nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from unmask.errors import MediaError

SMALLER = "trim or downscale the file"
REMEDIES = {"channels": "export it with fewer"}


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Largest accepted file.

    Attributes:
        pixels: Width times height of every frame.
        frames: Number of frames of a video stream.
    """

    duration_s: float = 1800.0
    pixels: int = 7680 * 4320
    frames: int = 200_000


_LIMITS: ContextVar[MediaLimits | None] = ContextVar("media_limits", default=None)


@contextmanager
def limit_decoding(limits: MediaLimits) -> Iterator[None]:
    """Within this context, decoding beyond ``limits`` raises :class:`MediaError`."""
    token = _LIMITS.set(limits)
    try:
        yield
    finally:
        _LIMITS.reset(token)


class FrameCounter:
    """Counts the decoded frames of one video stream from ``start_s`` on."""

    def __init__(self, path: Path, start_s: float = 0.0) -> None:
        self._path, self._start_s, self._limits, self._frames = path, start_s, _LIMITS.get(), 0

    def add(self, time_s: float, width: int, height: int) -> None:
        """Count a frame.

        Raises:
            MediaError: It is one too many, too late, or too large.
        """
        if self._limits is None:
            return
        size = f"{self._path}: has frames of {width}×{height}"
        check_limit(size, width * height, self._limits.pixels, "pixels")
        if time_s < self._start_s:
            return
        self._frames += 1
        frames = f"{self._path}: has {self._frames} or more frames"
        check_limit(frames, self._frames, self._limits.frames, "frames")
        length_s = time_s - self._start_s
        length = f"{self._path}: is at least {length_s:.0f} s long"
        check_limit(length, length_s, self._limits.duration_s, "s")


def check_limit(message: str, value: float, limit: float, unit: str) -> None:
    """Refuse a file of which ``value`` exceeds ``limit``.

    Raises:
        MediaError: It does.
    """
    if value > limit:
        raise MediaError(f"{message}; the limit is {limit:g} {unit}, {REMEDIES.get(unit, SMALLER)}")
