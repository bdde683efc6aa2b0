"""Differentiable face alignment: aligned faces as a function of the pixels of the source frames."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from unmask.config import AlignSettings
from unmask.preprocessing.faces.alignment import (
    MIN_LINEAR_SCALE,
    box_matrix,
    face_matrix,
)
from unmask.records import FaceTrack

MARGIN_PX = 2  # around the aligned face, for the interpolation


@dataclass(frozen=True, slots=True)
class FaceRegion:
    """Part of the source frames that the aligned faces of one person show.

    Attributes:
        matrices: Similarity from frame pixels to pixels of the aligned face, ``(frames, 2, 3)``.
        origins_px: Left and top corner in each frame, shape ``(frames, 2)``.
        size_px: Height and width, the same in all frames.
        crop_px: Side of the aligned face.
    """

    matrices: NDArray[np.float64]
    origins_px: NDArray[np.int64]
    size_px: tuple[int, int]
    crop_px: int

    def cut(self, image: NDArray[np.uint8], place: int) -> NDArray[np.uint8]:
        """Return a copy of the region in the frame at ``place``, RGB, shape ``(H, W, 3)``."""
        (left, top), (height, width) = self.origins_px[place], self.size_px
        return image[top : top + height, left : left + width].copy()

    def select(self, part: slice) -> "FaceRegion":
        """Return the region of some of the frames."""
        return FaceRegion(self.matrices[part], self.origins_px[part], self.size_px, self.crop_px)

    def warp(self, region: Tensor) -> Tensor:
        """Align the faces, as :mod:`unmask.preprocessing.faces.alignment` does.

        Args:
            region: RGB, shape ``(frames, 3, height, width)``.

        Returns:
            Shape ``(frames, 3, crop_px, crop_px)``, black outside the region.
        """
        scale = float(np.median(np.hypot(self.matrices[:, 0, 0], self.matrices[:, 1, 0])))
        if scale < MIN_LINEAR_SCALE:
            small = [max(round(side * scale), 1) for side in self.size_px]
            region = F.interpolate(region, small, mode="area")
        grid = torch.from_numpy(self._grid()).to(region)
        return F.grid_sample(region, grid, padding_mode="zeros", align_corners=False)

    def _grid(self) -> NDArray[np.float32]:
        """Return the place of each pixel of the crop in the region, from -1 to 1 as (x, y)."""
        rows, columns = np.mgrid[: self.crop_px, : self.crop_px]
        pixels = np.stack([columns, rows, np.ones_like(rows)], axis=-1).astype(np.float64)
        inverse = np.stack([cv2.invertAffineTransform(matrix) for matrix in self.matrices])
        places = np.einsum("hwk,tjk->thwj", pixels, inverse) - self.origins_px[:, None, None]
        size = np.array(self.size_px[::-1])
        return ((places + 0.5) / size * 2 - 1).astype(np.float32)  # pixel centres are at 0.5


def find_region(
    track: FaceTrack, settings: AlignSettings, frame_size_px: tuple[int, int]
) -> FaceRegion:
    """Return the region of a person's faces.

    Args:
        frame_size_px: Height and width of the source frames.
    """
    crop_px = settings.crop_px
    if settings.method == "box":
        matrices = np.stack([box_matrix(box, crop_px) for box in track.boxes_px])
    else:
        matrices = np.stack([face_matrix(points, crop_px) for points in track.landmarks_px])
    corners = np.array([(0, 0, 1), (crop_px, 0, 1), (0, crop_px, 1), (crop_px, crop_px, 1)])
    inverse = np.stack([cv2.invertAffineTransform(matrix) for matrix in matrices])
    places = np.einsum("ck,tjk->tcj", corners, inverse)  # (frames, 4, 2)
    low, high = places.min(axis=1) - MARGIN_PX, places.max(axis=1) + MARGIN_PX
    frame = np.array(frame_size_px[::-1])
    size = np.minimum(np.ceil((high - low).max(axis=0)).astype(int), frame)
    origins = np.clip(np.round((low + high - size) / 2).astype(int), 0, frame - size)
    return FaceRegion(matrices, origins, (int(size[1]), int(size[0])), crop_px)
