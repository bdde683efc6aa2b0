"""Adapters for MediaPipe's graphs: face detection, and the face mesh in a given region.

Bazarevsky et al., "BlazeFace", 2019 (arXiv:1907.05047); Kartynnik et al., "Real-time facial
surface geometry", 2019 (arXiv:1907.06724). The models are part of the ``mediapipe`` wheel.

Both detectors answer with scores from about 0.5 on, whatever confidence they are asked for, so
detections are filtered here. The graphs print native warnings when they are built, first run, and
first detect a face.
"""

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.native_stderr import suppress_native_stderr
from unmask.optional_deps import require

REGION_SCALE = 1.5  # side of the mesh's input region, in sides of the face box
INTERPOLATION_PX = 2  # around the mesh's input region
SHORT_RANGE, FULL_RANGE = 0, 1  # MediaPipe's numbers of its two detectors

# The mesh alone; `solutions.face_mesh` would run a detector first
MESH_GRAPH = """
input_stream: "image"
input_stream: "region"
output_stream: "mesh"
node {
  calculator: "FaceLandmarkCpu"
  input_stream: "IMAGE:image"
  input_stream: "ROI:region"
  output_stream: "LANDMARKS:mesh"
}
"""
PRESENCE_STREAM = "facelandmarkcpu__face_presence_score"  # inside the calculator

Image = NDArray[np.uint8]  # RGB, shape (height, width, 3)
Mesh = NDArray[np.float32]  # points in pixels, shape (468, 2)

BLANK: Image = np.zeros((16, 16, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class RotatedSquare:
    """A rotated square around a face.

    Attributes:
        centre: x and y in pixels, shape ``(2,)``.
        side: In pixels.
        angle: Rotation in radians, clockwise positive.
    """

    centre: NDArray[np.float32]
    side: float
    angle: float

    @classmethod
    def around(cls, low: Any, high: Any, left_eye: Any, right_eye: Any) -> "RotatedSquare":
        """Return the square around a box from ``low`` to ``high``, rotated like the eye line."""
        direction = np.asarray(right_eye) - np.asarray(left_eye)
        low, high = np.asarray(low, np.float32), np.asarray(high, np.float32)
        side = float((high - low).max()) * REGION_SCALE
        return cls((low + high) / 2, side, float(np.arctan2(direction[1], direction[0])))

    def scaled(self, factor: float) -> "RotatedSquare":
        """Return the same region in an image that is ``factor`` times as large."""
        return RotatedSquare(self.centre * factor, self.side * factor, self.angle)

    def shifted(self, offset: NDArray[np.float32]) -> "RotatedSquare":
        """Return the same region in an image of which this one is a crop at ``offset``."""
        return RotatedSquare(self.centre + offset, self.side, self.angle)

    def turned(self, quarters: int) -> "RotatedSquare":
        """Return the region turned on the spot, clockwise by quarters of a circle."""
        return RotatedSquare(self.centre, self.side, self.angle + quarters * np.pi / 2)

    def before_rot90(self, width: float) -> "RotatedSquare":
        """Return the same region in the image, of this width, before one ``np.rot90``."""
        x, y = self.centre
        return RotatedSquare(np.array([width - y, x], np.float32), self.side, self.angle).turned(1)


class FaceDetector:
    """Detector of upright faces, tilted by up to about 45 degrees.

    The full-range detector finds faces from 7 % of the image's width on (192 px input), the
    short-range detector larger ones, up to the whole image (128 px input).

    Args:
        model: ``FULL_RANGE`` or ``SHORT_RANGE``.
        min_confidence: Detections with a lower score are dropped.
    """

    def __init__(self, model: int, min_confidence: float) -> None:
        self._min_confidence = min_confidence
        with suppress_native_stderr():
            solution = _mediapipe().solutions.face_detection
            self._graph = solution.FaceDetection(model_selection=model)
            self(BLANK)

    def __call__(self, image: Image) -> list[RotatedSquare]:
        """Return the region of each face, the most confident first."""
        size = np.array(image.shape[1::-1], np.float32)
        detections = self._graph.process(image).detections or ()
        regions = []
        for detection in sorted(detections, key=lambda detection: -detection.score[0]):
            if detection.score[0] < self._min_confidence:
                continue
            location = detection.location_data
            box, eyes = location.relative_bounding_box, location.relative_keypoints
            low = np.array([box.xmin, box.ymin]) * size
            high = low + np.array([box.width, box.height]) * size
            left, right = (np.array([eye.x, eye.y]) * size for eye in eyes[:2])
            regions.append(RotatedSquare.around(low, high, left, right))
        return regions


class RegionMesh:
    """The face mesh in a given region."""

    def __init__(self) -> None:
        self._mediapipe = _mediapipe()
        _register_models(self._mediapipe)
        self._packets: list[Any] = []
        self._presence: list[Any] = []
        self._timestamp = 0
        self._has_warned = False
        with suppress_native_stderr():
            self._graph = self._mediapipe.CalculatorGraph(graph_config=MESH_GRAPH)
            self._graph.observe_output_stream(
                "mesh", lambda _, packet: self._packets.append(packet)
            )
            self._graph.observe_output_stream(
                PRESENCE_STREAM, lambda _, packet: self._presence.append(packet)
            )
            self._graph.start_run()
            self(BLANK, RotatedSquare(np.array([8, 8], np.float32), 16, 0))

    def __call__(self, image: Image, region: RotatedSquare) -> tuple[Mesh, float] | None:
        """Return the mesh of the face in the region, and the score that there is a face.

        Returns:
            The mesh and a score from 0.5 to 1, or ``None`` if the score is lower.
        """
        corner, crop = _crop(image, region)  # MediaPipe copies the whole image that it is given
        if not crop.size:
            return None
        create, rect = self._mediapipe.packet_creator, _to_rect(region.shifted(-corner), crop)
        srgb = self._mediapipe.ImageFormat.SRGB
        frame = create.create_image_frame(image_format=srgb, data=crop)
        self._timestamp += 1
        self._packets.clear()
        self._presence.clear()
        self._graph.add_packet_to_input_stream("image", frame.at(self._timestamp))
        self._graph.add_packet_to_input_stream(
            "region", create.create_proto(rect).at(self._timestamp)
        )
        with _quiet_until(self._has_warned):
            self._graph.wait_until_idle()
        meshes = [packet for packet in self._packets if not packet.is_empty()]
        if not meshes:
            return None
        self._has_warned = True
        getter = self._mediapipe.packet_getter
        presence = getter.get_float(self._presence[0])
        return _to_pixels(getter.get_proto(meshes[0]), crop) + corner, presence


def _crop(image: Image, region: RotatedSquare) -> tuple[NDArray[np.float32], Image]:
    """Return corner and pixels of the part of the image that contains the region."""
    turned = abs(np.cos(region.angle)) + abs(np.sin(region.angle))
    reach = region.side / 2 * turned + INTERPOLATION_PX
    size = np.array(image.shape[1::-1])
    low = np.clip(np.floor(region.centre - reach), 0, size).astype(int)
    high = np.clip(np.ceil(region.centre + reach), low, size).astype(int)
    crop = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
    return low.astype(np.float32), crop


def _register_models(mediapipe: Any) -> None:
    """Set the folder of the models, which only MediaPipe's own solutions do by themselves."""
    from mediapipe.python._framework_bindings import resource_util

    resource_util.set_resource_dir(str(Path(mediapipe.__file__).parent.parent))


def _quiet_until(has_warned: bool) -> AbstractContextManager[None]:
    return nullcontext() if has_warned else suppress_native_stderr()


def _to_rect(region: RotatedSquare, image: Image) -> Any:
    from mediapipe.framework.formats.rect_pb2 import NormalizedRect

    height, width = image.shape[:2]
    return NormalizedRect(
        x_center=float(region.centre[0]) / width,
        y_center=float(region.centre[1]) / height,
        width=region.side / width,
        height=region.side / height,
        rotation=region.angle,
    )


def _to_pixels(mesh: Any, image: Image) -> Mesh:
    points = np.array([(point.x, point.y) for point in mesh.landmark], np.float32)
    return points * np.array(image.shape[1::-1], np.float32)


def _mediapipe() -> Any:
    """Import MediaPipe with its native log lines disabled."""
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return require("mediapipe", extra="media")
