"""How a player shows the pictures of a video stream: cropped, in their aspect ratio, upright."""

from dataclasses import dataclass
from fractions import Fraction
from math import atan2, degrees
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require
from unmask.preprocessing.media.container_crop import NO_CROP, Crop, read_crop
from unmask.preprocessing.media.side_data import display_matrix

SQUARE = Fraction(1)
MAX_SAMPLE_ASPECT = 4  # formats in use lie between 1:2 and 3:1; others are errors of the file
SQUARE_TOLERANCE = 0.01  # headers round the shown size; to scale by less only blurs
MAX_PIXELS = 7680 * 4320  # a picture that would grow beyond it is shrunk along the other side

Pixels = NDArray[np.uint8]  # shape (height, width) or (height, width, 3)
Size = tuple[int, int]  # width and height


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a player turns a stored picture.

    Attributes:
        rotation_deg: Clockwise rotation: 0, 90, 180 or 270.
        mirrored: Whether left and right are then exchanged.
        tilt_deg: Clockwise rotation beyond ``rotation_deg`` in [-45, 45], which is not applied.
    """

    rotation_deg: int = 0
    mirrored: bool = False
    tilt_deg: float = 0.0

    def apply(self, image: Pixels) -> Pixels:
        """Return the upright image, a view where possible."""
        turned = np.rot90(image, k=-self.rotation_deg // 90) if self.rotation_deg else image
        return turned[:, ::-1] if self.mirrored else turned


UPRIGHT = Orientation()


def orientation_of(matrix: NDArray[np.int32]) -> Orientation:
    """Return the orientation that is nearest to a display matrix.

    Args:
        matrix: As in FFmpeg and ISO/IEC 14496-12: ``a b u c d v x y w``, shape ``(9,)``. The
            stored point ``(p, q)`` is shown at ``(a·p + c·q + x, b·p + d·q + y)``; ``q`` points
            down.
    """
    a, b, _, c, d = (float(value) for value in matrix[:5])
    determinant = a * d - b * c
    if not determinant:
        return UPRIGHT
    mirrored = determinant < 0
    angle_deg = degrees(atan2(b, -a if mirrored else a))
    quarters = round(angle_deg / 90)
    tilt_deg = round(angle_deg - 90 * quarters, 1)
    return Orientation(quarters % 4 * 90, mirrored, tilt_deg + 0.0)


def natural_size(stored: Size, sample_aspect: Fraction) -> Size:
    """Return the size in square pixels; one side grows, as HTML requires of a video element."""
    width, height = stored
    wide, high = width, height
    if sample_aspect > 1:
        wide = round(width * sample_aspect)
    else:
        high = round(height / sample_aspect)
    if wide * high > max(MAX_PIXELS, width * height):
        if sample_aspect > 1:
            wide, high = width, max(round(height / sample_aspect), 1)
        else:
            wide, high = max(round(width * sample_aspect), 1), height
    return wide, high


@dataclass(frozen=True, slots=True)
class Geometry:
    """The way from a stored picture to the shown one.

    Attributes:
        crop: What is cut off at the sides of the stored picture.
        inner: Size of the cropped picture in square pixels.
        outer: Size of all shown pictures of the file, before they are turned; the picture is
            centred in it.
    """

    crop: Crop
    inner: Size
    outer: Size
    orientation: Orientation

    @property
    def size(self) -> Size:
        """Width and height of the shown picture."""
        width, height = self.outer
        return (height, width) if self.orientation.rotation_deg in (90, 270) else self.outer

    def keeps(self, stored: Size) -> bool:
        """Return whether a picture of this stored size is shown as it is stored."""
        return stored == self.inner == self.outer and self.orientation == UPRIGHT

    def apply(self, image: Pixels, black: int = 0) -> Pixels:
        """Return the shown picture.

        Args:
            image: The stored picture, shape ``(height, width)`` or ``(height, width, 3)``.
            black: Level of the bars around a picture of another aspect ratio.
        """
        cropped = self.crop.apply(image)
        if cropped.shape[1::-1] != self.inner:
            cropped = _resize(cropped, self.inner)
        if self.inner != self.outer:
            cropped = _add_bars(cropped, self.outer, black)
        return np.ascontiguousarray(self.orientation.apply(cropped))


@dataclass(frozen=True, slots=True)
class DisplayedFrame:
    """A decoded frame.

    Attributes:
        frame: PyAV frame, as stored.
        geometry: How a player shows it.
    """

    frame: Any
    geometry: Geometry

    @property
    def is_stored_upright(self) -> bool:
        """Whether the frame is shown as it is stored."""
        return self.geometry.keeps((self.frame.width, self.frame.height))


class Display:
    """The geometry of the frames of one stream.

    All shown pictures of a file have the size that the stream states when it is opened. Frames
    of another size, as in recorded calls, are scaled to fit and get bars.
    """

    def __init__(self, path: Path, container: Any, stream: Any) -> None:
        self._context = stream.codec_context
        self._stored: Size = (stream.width, stream.height)
        self._crop = read_crop(path, container, stream)
        if not self._crop.fits(self._stored):
            self._crop = NO_CROP
        self._stated = _plausible(stream.sample_aspect_ratio)
        self._first_aspect: Fraction | None = None
        self._last: tuple[Any, Geometry] | None = None

    def show(self, frame: Any) -> DisplayedFrame:
        """Return the frame with its geometry; call it for each frame as it is decoded."""
        matrix = display_matrix(frame)
        key = (frame.width, frame.height, matrix, self._sample_aspect())
        if self._last is None or self._last[0] != key:
            self._last = (key, self._geometry(*key))
        return DisplayedFrame(frame, self._last[1])

    def _sample_aspect(self) -> Fraction:
        """Return the aspect ratio that the container states, or to which the codec changes."""
        current = self._context.sample_aspect_ratio
        if self._first_aspect is None:
            self._first_aspect = current
        return self._stated if current == self._first_aspect else _plausible(current)

    def _geometry(
        self, width: int, height: int, matrix: bytes | None, sample_aspect: Fraction
    ) -> Geometry:
        stored = (width, height)
        reference = self._stored if all(self._stored) else stored
        crop = self._crop if stored == reference else NO_CROP
        outer = natural_size(self._crop.size(reference), self._stated)
        inner = natural_size(crop.size(stored), sample_aspect)
        orientation = orientation_of(np.frombuffer(matrix, np.int32)) if matrix else UPRIGHT
        return Geometry(crop, inner if inner == outer else _fit(inner, outer), outer, orientation)


def _plausible(sample_aspect: Fraction | None) -> Fraction:
    if not sample_aspect or abs(sample_aspect - 1) < SQUARE_TOLERANCE:
        return SQUARE
    if not 1 <= max(sample_aspect, 1 / sample_aspect) <= MAX_SAMPLE_ASPECT:
        return SQUARE
    return Fraction(sample_aspect)


def _fit(inner: Size, outer: Size) -> Size:
    """Return the largest size of the aspect ratio of ``inner`` that fits into ``outer``."""
    scale = min(outer[0] / inner[0], outer[1] / inner[1])
    width, height = (max(round(side * scale), 1) for side in inner)
    return min(width, outer[0]), min(height, outer[1])


def _resize(image: Pixels, size: Size) -> Pixels:
    cv2 = require("cv2", extra="media")
    shrinks = size[0] < image.shape[1] or size[1] < image.shape[0]
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.asarray(resized, np.uint8)


def _add_bars(image: Pixels, size: Size, black: int) -> Pixels:
    framed = np.full((size[1], size[0], *image.shape[2:]), black, np.uint8)
    top, left = (size[1] - image.shape[0]) // 2, (size[0] - image.shape[1]) // 2
    framed[top : top + image.shape[0], left : left + image.shape[1]] = image
    return framed
