"""Two public-domain portraits that travel inside wheels, each as a texture with its mesh.

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
FACE_PX = 144  # ear to ear on the canvas
FACE_AT = (128.0, 126.0)
EARS = (234, 454)


@dataclass(frozen=True, slots=True)
class Portrait:
    """A face on the canvas.

    Attributes:
        picture: RGB, shape ``(256, 256, 3)``.
        mesh: The 478 points on the canvas and their depth, in pixels, shape ``(478, 3)``;
            depth falls towards the viewer and is 0 on average.
        person: How much of each pixel is the person, in ``[0, 1]``, shape ``(256, 256)``.
    """

    picture: NDArray[np.uint8]
    mesh: NDArray[np.float64]
    person: NDArray[np.float32]


@cache
def load_portraits() -> tuple[Portrait, Portrait]:
    """Both portraits, upright and equally large."""
    hopper = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    pictures = (astronaut(), cv2.cvtColor(cv2.imread(str(hopper)), cv2.COLOR_BGR2RGB))
    first, second = (_portrait(picture) for picture in pictures)
    return first, second


def _portrait(picture: NDArray[np.uint8]) -> Portrait:
    with mp.solutions.face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True) as find:
        found = find.process(picture).multi_face_landmarks[0].landmark
    height, width = picture.shape[:2]
    mesh = np.array([(p.x * width, p.y * height, p.z * width) for p in found])
    across = mesh[EARS[1], :2] - mesh[EARS[0], :2]
    scale = FACE_PX / np.hypot(*across)
    angle = np.degrees(np.arctan2(across[1], across[0]))
    centre = mesh[:468, :2].mean(axis=0)
    turn = cv2.getRotationMatrix2D(tuple(centre), angle, scale)
    turn[:, 2] += np.array(FACE_AT) - centre
    canvas = cv2.warpAffine(
        picture, turn, (CANVAS_PX, CANVAS_PX), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    points = np.hstack([mesh[:, :2], np.ones((len(mesh), 1))]) @ turn.T
    depth = (mesh[:, 2] - mesh[:468, 2].mean()) * scale
    with mp.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as cut:
        person = cut.process(canvas).segmentation_mask
    person = np.clip((cv2.GaussianBlur(person, (0, 0), 1.5) - 0.2) / 0.6, 0, 1)
    return Portrait(canvas, np.hstack([points, depth[:, None]]), person.astype(np.float32))
