"""The face mesh, 468 points on the surface of a face in a given region.

Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs", 2019
(arXiv:1907.06724).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.faces.face_networks import FaceNetwork, NetworkFile
from unmask.preprocessing.faces.regions import Image, RotatedSquare

NETWORK = NetworkFile(
    "face_landmark.tflite", "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814"
)
INPUT_PX = 192
MIN_PRESENCE = 0.5

Mesh = NDArray[np.float32]  # points in pixels, shape (468, 2)


class FaceMesh:
    """The face mesh in a given region."""

    def __init__(self) -> None:
        self._network = FaceNetwork(NETWORK)

    def __call__(self, image: Image, region: RotatedSquare) -> tuple[Mesh, float] | None:
        """Return the mesh of the face in the region, and the score that there is a face.

        Returns:
            The mesh and a score from 0.5 to 1, or ``None`` if the score is lower.
        """
        crop = region.crop(image, INPUT_PX, cv2.BORDER_REPLICATE)
        (values,), (presence,) = self._network(crop * np.float32(1 / 255))
        if presence < MIN_PRESENCE:
            return None
        points = values.reshape(-1, 3)[:, :2] / INPUT_PX  # their depth is not used
        return region.to_image(points), float(presence)
