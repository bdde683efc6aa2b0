"""Overlay: a heat map drawn onto the video frame it belongs to."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.explainability.top_moments import FrameCandidate

# perceptually uniform and safe for colour-blind readers (van der Walt & Smith, 2015)
COLOUR_MAP = cv2.COLORMAP_VIRIDIS
VIEW_SCALE = 3.0  # side of the view as a multiple of the face's
MAX_SIDE_PX, MIN_SIDE_PX = 960, 320
MAX_OPACITY = 0.7  # of the colour at the maximum; the image is unchanged where there is no heat
FOREGROUND, OUTLINE = (255, 255, 255), (0, 0, 0)

Picture = NDArray[np.uint8]
Heat = NDArray[np.float32]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ViewRegion:
    """A region of a frame and the scale at which it is shown.

    Attributes:
        left, top, right, bottom: In pixels of the frame.
        scale: Pixels of the view per pixel of the frame.
    """

    left: int
    top: int
    right: int
    bottom: int
    scale: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the view."""
        sides = np.array([self.right - self.left, self.bottom - self.top]) * self.scale
        width, height = np.maximum(np.rint(sides), 1).astype(int).tolist()
        return width, height

    @property
    def to_picture(self) -> Matrix:
        """Affine map from pixels of the view to those of the frame, shape ``(2, 3)``."""
        width, height = self.size
        x, y = (self.right - self.left) / width, (self.bottom - self.top) / height
        # pixel centres are at half-integer coordinates
        return np.array([[x, 0, self.left + x / 2 - 0.5], [0, y, self.top + y / 2 - 0.5]])


def region_around(box_px: NDArray[np.float32], picture: Picture) -> ViewRegion:
    """Return the region of ``VIEW_SCALE`` around a face, clipped to the frame."""
    height, width = picture.shape[:2]
    middle = (box_px[:2] + box_px[2:]) / 2
    reach = float((box_px[2:] - box_px[:2]).max()) * VIEW_SCALE / 2
    limits = np.array([width, height])
    left, top = np.clip(np.floor(middle - reach), 0, limits - 1).astype(int).tolist()
    right, bottom = np.clip(np.ceil(middle + reach), [left + 1, top + 1], limits).astype(int)
    longest = max(int(right) - left, int(bottom) - top)
    target = np.clip(longest, MIN_SIDE_PX, MAX_SIDE_PX)
    return ViewRegion(left, top, int(right), int(bottom), float(target / longest))


def crop_view(picture: Picture, region: ViewRegion) -> Picture:
    """Return the region at its scale, without any drawing."""
    crop = picture[region.top : region.bottom, region.left : region.right]
    interpolation = cv2.INTER_AREA if region.scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(crop, region.size, interpolation=interpolation).astype(np.uint8, copy=False)


def project_heat(heat: Heat, to_face: Matrix, region: ViewRegion) -> Heat:
    """Warp a heat map from the aligned face to the view.

    Args:
        heat: On the aligned face, in ``[0, 1]``.
        to_face: Affine map from pixels of the frame to those of the aligned face, shape ``(2, 3)``.

    Returns:
        Of the size of the view; 0 outside the aligned face.
    """
    chain = to_face @ np.vstack([region.to_picture, [0, 0, 1]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(heat, chain, region.size, flags=flags).astype(np.float32, copy=False)


def draw_overlay(picture: Picture, frame: FrameCandidate, heat: Heat) -> tuple[Picture, Picture]:
    """Draw heat map, face box and caption.

    Args:
        picture: The frame as shown, RGB, shape ``(height, width, 3)``.
        heat: On the aligned face, in ``[0, 1]``.

    Returns:
        The view with the drawing, and without; both RGB and of the same shape.
    """
    region = region_around(frame.box_px, picture)
    original = crop_view(picture, region)
    projected = project_heat(heat, frame.to_face, region)
    opacity = MAX_OPACITY * projected[..., None]
    levels = np.rint(projected * 255).astype(np.uint8)
    colour = cv2.cvtColor(cv2.applyColorMap(levels, COLOUR_MAP), cv2.COLOR_BGR2RGB)
    drawn = np.rint(original * (1 - opacity) + colour * opacity).astype(np.uint8)
    corner = np.array([region.left, region.top])
    box = (frame.box_px.reshape(2, 2) - corner) * region.scale
    _draw_box(drawn, np.rint(box).astype(int))
    time = f"{int(frame.time_s // 60)}:{frame.time_s % 60:05.2f}"
    _draw_caption(drawn, f"{time}  person {frame.person}  {frame.probability:.2f}")
    return drawn, original


def _draw_box(picture: Picture, corners: NDArray[np.int_]) -> None:
    """Draw a white box with a black outline, which is visible on any image."""
    first, second = corners.tolist()
    for colour, thickness in ((OUTLINE, 3), (FOREGROUND, 1)):
        cv2.rectangle(picture, first, second, colour, thickness, cv2.LINE_AA)


def _draw_caption(picture: Picture, text: str) -> None:
    size = np.clip(picture.shape[1] / 800, 0.4, 1.0)
    position = (8, picture.shape[0] - 10)
    for colour, thickness in ((OUTLINE, 4), (FOREGROUND, 1)):
        cv2.putText(
            picture, text, position, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thickness, cv2.LINE_AA
        )
