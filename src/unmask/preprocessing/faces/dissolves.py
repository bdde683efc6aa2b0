"""Dissolves: transitions in which one picture gradually turns into another.

Every frame of a dissolve is a mixture of the picture before and the one after it, in shares that
rise from 0 to 1. Frames of a moving picture are not: between two positions, an object is somewhere
else.
"""

import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.faces.thumbnails import THUMBNAIL_PX, Thumbnail, moved_distance

SPANS_S = (0.7, 0.9, 1.2, 1.5, 1.8, 2.1, 2.4)  # a dissolve and an end of PLATEAU_S on either side
PLATEAU_S = 0.2
LONGEST_S = SPANS_S[-1]
STORE_EVERY_S = 0.028  # frames of a higher rate are left out
CHECK_EVERY_S = 0.08
MIN_DIFFERENCE = 0.2  # 1 minus the correlation of the two pictures
# Of a mixture, squared, in squared differences of the two pictures. People move in a dissolve, so
# it may be larger the more the pictures differ, apart from shifts.
RESIDUAL_BY_DISTANCE, MAX_RESIDUAL = 0.4, 0.16
MIXED = (0.15, 0.85)  # shares of the second picture at which the residual counts
MIN_MIXTURES = 4
MAX_PLATEAU = 0.2  # largest share of the other picture in an end
MAX_SLOPE = 0.35  # of the shares in an end, in slopes of the dissolve
STARTED = 0.1  # share of the second picture at which it counts as visible

Floats = NDArray[np.float32]


class DissolveDetector:
    """Finds dissolves in the frames of a video, shortly after they end."""

    def __init__(self) -> None:
        self._times_s: list[float] = []
        self._images: list[Floats] = []
        self._units: list[Floats] = []
        self._checked_s = -np.inf

    def clear(self) -> None:
        """Forget all frames, as at a cut."""
        self._times_s, self._images, self._units = [], [], []

    def add_frame(self, time_s: float, image: Thumbnail, unit: Floats) -> float | None:
        """Add the next frame.

        Args:
            unit: As :func:`unmask.preprocessing.faces.thumbnails.unit_of` returns it.

        Returns:
            When the dissolve began that has ended by this frame; ``None`` without one.
        """
        if not self._times_s or time_s - self._times_s[-1] >= STORE_EVERY_S:
            self._store(time_s, image, unit)
        if time_s - self._checked_s < CHECK_EVERY_S:
            return None
        self._checked_s = time_s
        for span_s in SPANS_S:
            first = int(np.searchsorted(self._times_s, time_s - span_s))
            if first == 0:
                return None
            begin = self._begin_after(first)
            if begin is not None:
                return begin
        return None

    def _store(self, time_s: float, image: Thumbnail, unit: Floats) -> None:
        self._times_s.append(time_s)
        self._images.append(image.astype(np.float32).ravel())
        self._units.append(unit)
        while time_s - self._times_s[0] > LONGEST_S + PLATEAU_S:
            for rows in (self._times_s, self._images, self._units):
                rows.pop(0)

    def _begin_after(self, first: int) -> float | None:
        """Return when a dissolve began that fills the frames from ``first`` on."""
        if 1 - float(np.vdot(self._units[first], self._units[-1])) < MIN_DIFFERENCE:
            return None
        return _begin(np.array(self._times_s[first:]), np.stack(self._images[first:]))


def _begin(time_s: NDArray[np.float64], images: Floats) -> float | None:
    """Return when a dissolve began that fills the span but for its ends; ``None`` without one.

    Args:
        time_s: Shape ``(frames,)``.
        images: Shape ``(frames, values)``.
    """
    before, after = time_s < time_s[0] + PLATEAU_S, time_s > time_s[-1] - PLATEAU_S
    first = images[before].mean(axis=0)
    change = images[after].mean(axis=0) - first
    energy = max(float(change @ change), 1e-6)
    offsets = images - first
    shares = offsets @ change / energy
    ends = np.concatenate([shares[before], 1 - shares[after]])
    mixed = (shares > MIXED[0]) & (shares < MIXED[1])
    if mixed.sum() < MIN_MIXTURES or np.abs(ends).max() > MAX_PLATEAU:
        return None
    residuals = offsets[mixed] - shares[mixed, None] * change
    residual = float(np.square(residuals).sum(axis=1).max()) / energy
    if residual > MAX_RESIDUAL:
        return None
    slope = _slope(time_s[mixed], shares[mixed])
    rises = [abs(_slope(time_s[end], shares[end])) for end in (before, after)]
    if slope <= 0 or max(rises) > MAX_SLOPE * slope:
        return None
    distance = moved_distance(_thumbnail(first), _thumbnail(first + change))
    if distance < MIN_DIFFERENCE or residual > RESIDUAL_BY_DISTANCE * distance:
        return None
    return float(time_s[np.argmax(shares > STARTED)])


def _slope(time_s: NDArray[np.float64], values: Floats) -> float:
    """Return the slope of the line through values, per second; 0 for a single value."""
    offsets = time_s - time_s.mean()
    return float(offsets @ values / max(float(offsets @ offsets), 1e-9))


def _thumbnail(values: Floats) -> Thumbnail:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8).reshape(THUMBNAIL_PX, THUMBNAIL_PX, 3)
