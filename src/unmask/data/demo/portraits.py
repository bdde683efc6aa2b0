"""Two public-domain portraits, each as an image with its face mesh.

Eileen Collins (NASA, in scikit-image) and Grace Hopper (US Navy, in matplotlib's sample data).
Aligned, with the meshes of MediaPipe's face mesh with irises and the opacities of its selfie
segmentation (version 0.10.21), they are stored beside this module, so that the demo set is the same
on every machine. Commit 019bd8a has the code that computed them.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

STORED = Path(__file__).with_name("portraits.npz")
CANVAS_PX = 256


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
    with np.load(STORED) as stored:
        arrays = stored["image"], stored["mesh"], stored["alpha"]
    first, second = (Portrait(*parts) for parts in zip(*arrays, strict=True))
    return first, second
