"""Roughness of faces, by which an adversarial perturbation of their pixels shows.

An attack that moves each pixel by itself is white noise on an aligned face, which has none of its
own: it was scaled up, or its video was compressed.
"""

import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require
from unmask.preprocessing.material.picture_facts import noise_level

MIN_GRADIENT = 0.1  # grey levels per pixel, of a face without any texture


def face_roughness(face: NDArray[np.uint8]) -> float:
    """Return the noise of an aligned face over its mean gradient; 0.89 for white noise alone.

    Args:
        face: RGB, shape ``(height, width, 3)``.
    """
    cv2 = require("cv2", extra="media")
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float32)
    steps = np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()
    return noise_level(grey) / max(float(steps) / 2, MIN_GRADIENT)
