"""Degradation of faces before alignment, and the alignment that follows.

A video is resized and compressed as a whole, and only then is a face found in it and aligned. The
genuine clip and the fakes of a pair get the same degradation.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.data.augmentation.policy import AugmentationParams
from unmask.preprocessing.faces.alignment import warp_crop
from unmask.preprocessing.faces.optical_flow import face_flow
from unmask.preprocessing.faces.source_faces import resize_image
from unmask.preprocessing.media.degradations import reencode_images
from unmask.records import ModelInput

Image = NDArray[np.uint8]
Matrices = NDArray[np.float64]  # from each crop to the aligned face, shape (frames, 2, 3)


def degrade_crops(
    crops: Sequence[Image], matrices: Matrices, params: AugmentationParams
) -> tuple[list[Image], Matrices]:
    """Resize by ``params.scale`` and re-encode as ``params.image`` says, in this order.

    Returns:
        The crops and the matrices that align them.
    """
    crops = list(crops)
    if params.scale is not None:
        resized = [resize_image(crop, params.scale) for crop in crops]
        crops = [crop for crop, _ in resized]
        matrices = np.array(
            [
                np.vstack([matrix, (0, 0, 1)])
                @ np.vstack([cv2.invertAffineTransform(to_resized), (0, 0, 1)])
                for matrix, (_, to_resized) in zip(matrices, resized, strict=True)
            ]
        )[:, :2]
    if params.image is not None:
        crops = reencode_images(crops, *params.image)
    return crops, matrices


def align_crops(
    sample: ModelInput, crops: Sequence[Image], matrices: Matrices, time_s: NDArray[np.float64]
) -> ModelInput:
    """Return the sample with faces aligned from crops, by one interpolation each.

    The optical flow, if there is any, is computed again. That of the first frame is kept, because
    the frame before it is not available.

    Args:
        time_s: Time of each frame, shape ``(frames,)``.
    """
    side_px = sample.faces.shape[1]
    faces = [warp_crop(crop, matrix, side_px) for crop, matrix in zip(crops, matrices, strict=True)]
    aligned, flow = np.stack(faces), sample.flow
    if flow is not None:
        flow = np.concatenate([flow[:1], face_flow(aligned, time_s, shots=sample.shots)[1:]])
    return replace(sample, faces=aligned, flow=flow)


def without_degradation(params: AugmentationParams) -> AugmentationParams:
    """Return the transforms that remain for the aligned faces after :func:`degrade_crops`."""
    return replace(params, scale=None, video=None)
