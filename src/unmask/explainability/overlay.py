"""A heat map drawn onto the frame of the video that it was taken from."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.explainability.top_moments import FrameCandidate

# Perceptually uniform, and read alike by the colour-blind (van der Walt & Smith, 2015)
COLOURS = cv2.COLORMAP_VIRIDIS
SURROUNDINGS = 3.0  # sides of the face that are shown around it
LONGEST_PX, SHORTEST_PX = 960, 320
STRENGTH = 0.7  # of the colour where it is hottest; where it is cold, the picture is as it was
INK, SHADE = (255, 255, 255), (0, 0, 0)

Picture = NDArray[np.uint8]
Heat = NDArray[np.float32]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ViewRegion:
    """A part of the video's picture, and how large it is shown.

    Attributes:
        left, top, right, bottom: In the picture's pixels.
        scale: Shown pixels per pixel of the picture.
    """

    left: int
    top: int
    right: int
    bottom: int
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as shown."""
        sides = np.array([self.right - self.left, self.bottom - self.top]) * self.scale
        width, height = np.maximum(np.rint(sides), 1).astype(int).tolist()
        return width, height

    @property
    def to_picture(self) -> Matrix:
        """From shown pixels to the picture's, shape ``(2, 3)``."""
        width, height = self.size
        x, y = (self.right - self.left) / width, (self.bottom - self.top) / height
        # pixel centres lie half a pixel in
        return np.array([[x, 0, self.left + x / 2 - 0.5], [0, y, self.top + y / 2 - 0.5]])


def region_around(box_px: NDArray[np.float32], picture: Picture) -> ViewRegion:
    """The face and ``SURROUNDINGS``, as far as the picture goes; not too large, nor too small."""
    height, width = picture.shape[:2]
    middle = (box_px[:2] + box_px[2:]) / 2
    reach = float((box_px[2:] - box_px[:2]).max()) * SURROUNDINGS / 2
    limits = np.array([width, height])
    left, top = np.clip(np.floor(middle - reach), 0, limits - 1).astype(int).tolist()
    right, bottom = np.clip(np.ceil(middle + reach), [left + 1, top + 1], limits).astype(int)
    longest = max(int(right) - left, int(bottom) - top)
    wanted = np.clip(longest, SHORTEST_PX, LONGEST_PX)
    return ViewRegion(left, top, int(right), int(bottom), float(wanted / longest))


def crop_view(picture: Picture, region: ViewRegion) -> Picture:
    """The region of the picture as it is shown, and nothing drawn into it."""
    part = picture[region.top : region.bottom, region.left : region.right]
    how = cv2.INTER_AREA if region.scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(part, region.size, interpolation=how).astype(np.uint8, copy=False)


def project_heat(heat: Heat, to_face: Matrix, region: ViewRegion) -> Heat:
    """The heat where the face is in the region.

    Args:
        heat: On the aligned face, in ``[0, 1]``.
        to_face: From the picture's pixels to the aligned face's, shape ``(2, 3)``.

    Returns:
        As wide and high as the region is shown; 0 where the detector did not look.
    """
    chain = to_face @ np.vstack([region.to_picture, [0, 0, 1]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(heat, chain, region.size, flags=flags).astype(np.float32, copy=False)


def overlay(picture: Picture, suspect: FrameCandidate, heat: Heat) -> tuple[Picture, Picture]:
    """Draw heat, box and time.

    Args:
        picture: The frame as shown, RGB, shape ``(height, width, 3)``.

    Returns:
        The region around the face with the drawing, and without; shapes alike.
    """
    region = region_around(suspect.box_px, picture)
    original = crop_view(picture, region)
    placed = project_heat(heat, suspect.to_face, region)
    weight = STRENGTH * placed[..., None]
    levels = np.rint(placed * 255).astype(np.uint8)
    colour = cv2.cvtColor(cv2.applyColorMap(levels, COLOURS), cv2.COLOR_BGR2RGB)
    drawn = np.rint(original * (1 - weight) + colour * weight).astype(np.uint8)
    corner = np.array([region.left, region.top])
    box = (suspect.box_px.reshape(2, 2) - corner) * region.scale
    _box(drawn, np.rint(box).astype(int))
    seconds = f"{int(suspect.time_s // 60)}:{suspect.time_s % 60:05.2f}"
    _caption(drawn, f"{seconds}  person {suspect.person}  {suspect.probability:.2f}")
    return drawn, original


def _box(picture: Picture, corners: NDArray[np.int_]) -> None:
    """White on black, which shows on any picture."""
    first, second = corners.tolist()
    for ink, thickness in ((SHADE, 3), (INK, 1)):
        cv2.rectangle(picture, first, second, ink, thickness, cv2.LINE_AA)


def _caption(picture: Picture, words: str) -> None:
    size = np.clip(picture.shape[1] / 800, 0.4, 1.0)
    place = (8, picture.shape[0] - 10)
    for ink, thickness in ((SHADE, 4), (INK, 1)):
        cv2.putText(
            picture, words, place, cv2.FONT_HERSHEY_SIMPLEX, size, ink, thickness, cv2.LINE_AA
        )
