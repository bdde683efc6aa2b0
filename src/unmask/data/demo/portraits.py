"""Two public-domain portraits from installed packages, each as an image with its face mesh.

Eileen Collins (NASA, in scikit-image) and Grace Hopper (US Navy, in matplotlib's sample data).
"""

from dataclasses import dataclass
from functools import cache

import cv2
import matplotlib.cbook
import mediapipe as mp
import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut

CANVAS_PX = 256
FACE_PX = 144  # distance between the ears on the canvas
FACE_CENTRE = (128.0, 126.0)
EARS = (234, 454)  # points of the mesh


@dataclass(frozen=True, slots=True)
class Portrait:
    """An aligned face image.

    Attributes:
        image: RGB, shape ``(256, 256, 3)``.
        mesh: x, y and depth of the 478 mesh points in pixels, shape ``(478, 3)``; depth
            decreases towards the viewer and has mean 0.
        alpha: Opacity of the person in front of the background, in ``[0, 1]``, shape
            ``(256, 256)``.
    """

    image: NDArray[np.uint8]
    mesh: NDArray[np.float64]
    alpha: NDArray[np.float32]


@cache
def load_portraits() -> tuple[Portrait, Portrait]:
    """Return both portraits, upright and scaled to the same size."""
    hopper = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    images = (astronaut(), cv2.cvtColor(cv2.imread(str(hopper)), cv2.COLOR_BGR2RGB))
    first, second = (_align_portrait(image) for image in images)
    return first, second


def _align_portrait(image: NDArray[np.uint8]) -> Portrait:
    with mp.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as detector:
        landmarks = detector.process(image).multi_face_landmarks[0].landmark
    height, width = image.shape[:2]
    mesh = np.array([(point.x * width, point.y * height, point.z * width) for point in landmarks])
    across = mesh[EARS[1], :2] - mesh[EARS[0], :2]
    scale = FACE_PX / np.hypot(*across)
    angle = np.degrees(np.arctan2(across[1], across[0]))
    centre = mesh[:468, :2].mean(axis=0)
    affine = cv2.getRotationMatrix2D(tuple(centre), angle, scale)
    affine[:, 2] += np.array(FACE_CENTRE) - centre
    canvas = cv2.warpAffine(
        image, affine, (CANVAS_PX, CANVAS_PX), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    points = np.hstack([mesh[:, :2], np.ones((len(mesh), 1))]) @ affine.T
    depth = (mesh[:, 2] - mesh[:468, 2].mean()) * scale
    with mp.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as segmenter:
        mask = segmenter.process(canvas).segmentation_mask
    alpha = np.clip((cv2.GaussianBlur(mask, (0, 0), 1.5) - 0.2) / 0.6, 0, 1)
    return Portrait(canvas, np.hstack([points, depth[:, None]]), alpha.astype(np.float32))
