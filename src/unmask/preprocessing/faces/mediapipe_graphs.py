"""MediaPipe's graphs: face detection, and the face mesh where a face is said to be.

Bazarevsky et al., "BlazeFace", 2019 (arXiv:1907.05047); Kartynnik et al., "Real-time facial
surface geometry", 2019 (arXiv:1907.06724). The models travel inside mediapipe's wheel.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require

REGION_SCALE = 1.5  # side of the square that the mesh looks at, in sides of the face's box

# The mesh alone; `solutions.face_mesh` would search for a face again in front of it
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

Picture = NDArray[np.uint8]  # RGB, shape (height, width, 3)
Mesh = NDArray[np.float32]  # points in pixels, shape (468, 2)

BLANK: Picture = np.zeros((16, 16, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class RotatedSquare:
    """A turned square around a face, in pixels; a clockwise turn is positive, in radians."""

    centre: NDArray[np.float32]
    side: float
    turn: float

    @classmethod
    def around(cls, low: Any, high: Any, left_eye: Any, right_eye: Any) -> "RotatedSquare":
        """Around a box from corner ``low`` to ``high``, turned as the line between the eyes."""
        across = np.asarray(right_eye) - np.asarray(left_eye)
        low, high = np.asarray(low, np.float32), np.asarray(high, np.float32)
        side = float((high - low).max()) * REGION_SCALE
        return cls((low + high) / 2, side, float(np.arctan2(across[1], across[0])))

    def scaled(self, factor: float) -> "RotatedSquare":
        """The same place in a picture of another size."""
        return RotatedSquare(self.centre * factor, self.side * factor, self.turn)

    def shifted(self, by: NDArray[np.float32]) -> "RotatedSquare":
        """The same place in a picture of which this one is a part."""
        return RotatedSquare(self.centre + by, self.side, self.turn)


class FullRangeDetector:
    """Faces up to some five metres away, on a 192 px picture."""

    def __init__(self, min_confidence: float) -> None:
        with _silence_native_stderr():
            self._graph = _mediapipe().solutions.face_detection.FaceDetection(1, min_confidence)
            self(BLANK)

    def __call__(self, picture: Picture) -> list[RotatedSquare]:
        """Where faces are."""
        size = np.array(picture.shape[1::-1], np.float32)
        regions = []
        for one in self._graph.process(picture).detections or ():
            place = one.location_data
            box, eyes = place.relative_bounding_box, place.relative_keypoints
            low = np.array([box.xmin, box.ymin]) * size
            high = low + np.array([box.width, box.height]) * size
            left, right = (np.array([eye.x, eye.y]) * size for eye in eyes[:2])
            regions.append(RotatedSquare.around(low, high, left, right))
        return regions


class WholePictureMesh:
    """Short-range detection and the mesh over the whole picture."""

    def __init__(self, min_confidence: float, max_people: int) -> None:
        with _silence_native_stderr():
            solution = _mediapipe().solutions.face_mesh
            self._graph = solution.FaceMesh(True, max_people, False, min_confidence)
            self._graph.process(BLANK)
        self._warned = False

    def __call__(self, picture: Picture) -> list[Mesh]:
        """The mesh of each face."""
        with nullcontext() if self._warned else _silence_native_stderr():
            found = self._graph.process(picture).multi_face_landmarks or ()
        self._warned = self._warned or bool(found)
        return [_pixels(mesh, picture) for mesh in found]


class RegionMesh:
    """The mesh in a region, or nothing where it sees no face there."""

    def __init__(self) -> None:
        self._mediapipe = _mediapipe()
        _ = self._mediapipe.solutions.face_mesh  # importing it says where the models lie
        self._found: list[Any] = []
        self._tick = 0
        self._warned = False
        with _silence_native_stderr():
            self._graph = self._mediapipe.CalculatorGraph(graph_config=MESH_GRAPH)
            self._graph.observe_output_stream("mesh", lambda _, found: self._found.append(found))
            self._graph.start_run()
            self(BLANK, RotatedSquare(np.array([8, 8], np.float32), 16, 0))

    def __call__(self, picture: Picture, region: RotatedSquare) -> Mesh | None:
        """The mesh of the face in the region."""
        create, rect = self._mediapipe.packet_creator, _rect(region, picture)
        srgb = self._mediapipe.ImageFormat.SRGB
        image = create.create_image_frame(image_format=srgb, data=picture)
        self._tick += 1
        self._found.clear()
        self._graph.add_packet_to_input_stream("image", image.at(self._tick))
        self._graph.add_packet_to_input_stream("region", create.create_proto(rect).at(self._tick))
        with nullcontext() if self._warned else _silence_native_stderr():
            self._graph.wait_until_idle()
        seen = [packet for packet in self._found if not packet.is_empty()]
        if not seen:
            return None
        self._warned = True
        return _pixels(self._mediapipe.packet_getter.get_proto(seen[0]), picture)


def _rect(region: RotatedSquare, picture: Picture) -> Any:
    from mediapipe.framework.formats.rect_pb2 import NormalizedRect

    height, width = picture.shape[:2]
    return NormalizedRect(
        x_center=float(region.centre[0]) / width,
        y_center=float(region.centre[1]) / height,
        width=region.side / width,
        height=region.side / height,
        rotation=region.turn,
    )


def _pixels(mesh: Any, picture: Picture) -> Mesh:
    points = np.array([(point.x, point.y) for point in mesh.landmark], np.float32)
    return points * np.array(picture.shape[1::-1], np.float32)


def _mediapipe() -> Any:
    """Import mediapipe quietly: its native log lines are no message of ours."""
    os.environ.setdefault("GLOG_minloglevel", "3")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    return require("mediapipe", extra="media")


@contextmanager
def _silence_native_stderr() -> Iterator[None]:
    """Drop what native code writes to standard error: it warns before its log can be set.

    It does so when a graph is built, first run, and first finds a face, and never again.
    """
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
