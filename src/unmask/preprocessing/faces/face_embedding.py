"""Face embedding: a vector by which faces of one person are recognised.

SFace (Zhong et al., "SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition", IEEE
TIP 2021), a MobileFaceNet, as the registry of pretrained networks converts it
(``unmask weights get sface``), run by OpenCV.
"""

import logging
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.config.weights_folder import weights_dir
from unmask.preprocessing.faces.alignment import ARCFACE_112, estimate_similarity, warp_crop
from unmask.preprocessing.faces.landmarks import five_points

STORED_AS = Path("sface-3013cfdc-v1", "model.onnx")  # by the registry, below ``weights_dir()``
PACKAGED = Path("weights")  # below the package of a packed service, which has no such folder
INPUT_PX = 112

Image = NDArray[np.uint8]
Vector = NDArray[np.float32]

log = logging.getLogger(__name__)


class FaceEmbedder(Protocol):
    """Interface of networks that embed a face, so that a test can replace them."""

    def __call__(self, face: Image) -> Vector:
        """Return the embedding, of length 1, shape ``(dim,)``.

        Args:
            face: RGB, from :func:`align_for_embedding`, shape ``(112, 112, 3)``.
        """
        ...


class OnnxEmbedder:
    """A face embedder in a file of ONNX, whose input is RGB in ``[0, 255]``."""

    def __init__(self, path: Path) -> None:
        self._net = cv2.dnn.readNetFromONNX(str(path))

    def __call__(self, face: Image) -> Vector:
        """See :class:`FaceEmbedder`."""
        self._net.setInput(np.ascontiguousarray(face.transpose(2, 0, 1)[None], np.float32))
        vector = np.asarray(self._net.forward()[0], np.float32)
        return vector / np.linalg.norm(vector)


def align_for_embedding(face: Image, landmarks: NDArray[np.float32]) -> Image:
    """Return an aligned face in the position of ArcFace's crop, shape ``(112, 112, 3)``.

    Args:
        face: Aligned RGB face, shape ``(height, width, 3)``.
        landmarks: 68 points in pixels of that face, shape ``(68, 2)``.
    """
    matrix = estimate_similarity(five_points(landmarks), np.array(ARCFACE_112))
    return warp_crop(face, matrix, INPUT_PX)


def find_weights() -> Path | None:
    """Return the file of the weights; ``None`` if they were neither fetched nor packed."""
    folders = weights_dir(), Path(__file__).parents[2] / PACKAGED
    return next((path for path in (each / STORED_AS for each in folders) if path.is_file()), None)


def has_embedder() -> bool:
    """Return whether the weights of the embedder are at hand."""
    return find_weights() is not None


def find_embedder() -> FaceEmbedder | None:
    """Return the embedder of this process; ``None`` if its weights are not at hand."""
    path = find_weights()
    return None if path is None else _load(path)


@lru_cache(maxsize=1)
def _load(path: Path) -> FaceEmbedder | None:
    try:
        return OnnxEmbedder(path)
    except cv2.error as error:
        log.warning(
            "%s: cannot be read (%s); delete its folder, then: unmask weights get sface",
            path,
            str(error).splitlines()[0],
        )
        return None
