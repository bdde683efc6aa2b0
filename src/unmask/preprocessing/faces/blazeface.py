"""BlazeFace, a single-shot detector of faces and of six points on each.

Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", 2019
(arXiv:1907.05047). Inputs, anchors and thresholds are those of the graphs that MediaPipe publishes
with its two networks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from unmask.preprocessing.faces.face_networks import FaceNetwork, NetworkFile, Values
from unmask.preprocessing.faces.regions import Image, RotatedSquare

SAME_FACE_IOU = 0.3  # predictions that overlap by more than this are of one face


@dataclass(frozen=True, slots=True)
class BlazeFace:
    """One of the published networks.

    Attributes:
        input_px: Side of its input.
        grids: Stride in pixels, and anchors per cell, of each grid of anchors.
        min_score: Predictions with a lower score are dropped.
    """

    file: NetworkFile
    input_px: int
    grids: tuple[tuple[int, int], ...]
    min_score: float

    def anchors(self) -> Values:
        """Return the centre of each anchor, in sides of the input, shape ``(anchors, 2)``."""
        centres = []
        for stride, per_cell in self.grids:
            along = (np.arange(self.input_px // stride) + 0.5) * stride / self.input_px
            cells = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
            centres.append(np.repeat(cells, per_cell, axis=0))
        return np.concatenate(centres).astype(np.float32)


SHORT_RANGE = BlazeFace(
    NetworkFile(
        "face_detection_short_range.tflite",
        "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    ),
    input_px=128,
    grids=((8, 2), (16, 6)),
    min_score=0.5,
)
FULL_RANGE = BlazeFace(
    NetworkFile(
        "face_detection_full_range_sparse.tflite",
        "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    ),
    input_px=192,
    grids=((4, 1),),
    min_score=0.6,
)


class FaceDetector:
    """Detector of upright faces, tilted by up to about 45 degrees.

    The full-range detector finds faces from 7 % of the image's width on (192 px input), the
    short-range detector larger ones, up to the whole image (128 px input).

    Args:
        model: ``FULL_RANGE`` or ``SHORT_RANGE``.
        min_confidence: Detections with a lower score are dropped.
    """

    def __init__(self, model: BlazeFace, min_confidence: float) -> None:
        self._model, self._min_confidence = model, min_confidence
        self._anchors = model.anchors()
        self._network = FaceNetwork(model.file)

    def __call__(self, image: Image) -> list[RotatedSquare]:
        """Return the region of each face, the most confident first."""
        size = np.array(image.shape[1::-1], np.float32)
        square = RotatedSquare(size / 2, float(size.max()), 0.0)  # contains the image
        crop = square.crop(image, self._model.input_px, cv2.BORDER_CONSTANT)  # black beyond it
        regions = []
        for score, face in _blend_overlapping(*self._predict(crop * np.float32(2 / 255) - 1)):
            if score >= self._min_confidence:
                low, high, left_eye, right_eye, *_ = square.to_image(face)
                regions.append(RotatedSquare.around(low, high, left_eye, right_eye))
        return regions

    def _predict(self, pixels: Values) -> tuple[Values, Values]:
        """Return the likely faces in the input, in sides of it.

        Returns:
            Both corners of the box, eyes, nose, mouth and ears of each, shape ``(faces, 8, 2)``,
            and its score, shape ``(faces,)``.
        """
        values, scores = self._network(pixels)
        likely = scores >= self._model.min_score
        points = values[likely].reshape(-1, 8, 2) / self._model.input_px
        half = points[:, 1].copy() / 2  # the network gives centre and size of the box
        points[:, 1] = points[:, 0]
        points += self._anchors[likely, None]
        points[:, 0] -= half
        points[:, 1] += half
        proper = (half > 0).all(axis=1)
        return points[proper], scores[likely][proper]


def _blend_overlapping(points: Values, scores: Values) -> Iterator[tuple[float, Values]]:
    """Yield score and points of each face, the highest score first.

    Instead of suppressing all but the best of overlapping predictions, BlazeFace averages them,
    weighted by their scores: a face so trembles less from frame to frame.

    Args:
        points: As of :meth:`FaceDetector._predict`.
    """
    order = np.argsort(-scores, kind="stable")
    while order.size:
        best = points[order[0], :2]
        is_same = _iou(best, points[order, :2]) > SAME_FACE_IOU
        is_same[0] = True
        same = order[is_same]
        yield float(scores[same[0]]), np.average(points[same], axis=0, weights=scores[same])
        order = order[~is_same]


def _iou(box: Values, boxes: Values) -> Values:
    """Return the intersection over union of a box, shape ``(2, 2)``, with each of many."""
    low, high = np.maximum(box[0], boxes[:, 0]), np.minimum(box[1], boxes[:, 1])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(boxes[:, 1] - boxes[:, 0], axis=1)
    union: Values = np.prod(box[1] - box[0]) + areas - shared
    return shared / union
