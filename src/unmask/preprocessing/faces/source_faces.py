"""Crops of a tracked face as it is in the file, before alignment.

Training forges and degrades faces in these crops and aligns them afterwards, so that the traces of
a forgery are compressed and resampled as those of a real fake are.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.config import AlignSettings, PreprocessingSettings
from unmask.errors import MediaError
from unmask.preprocessing.faces.alignment import box_matrix, face_matrix
from unmask.preprocessing.media.frames import iter_sampled_frames
from unmask.preprocessing.timing import StageTimer
from unmask.records import FaceTrack, MediaInfo, SourceFaces

MARGIN = 0.08  # around the square that alignment reads, as a share of its side
BLOCK_PX = 16  # crops start at blocks of the file's codec, so that those of a new one coincide
JPEG_OPTIONS = (  # colour at full resolution (4:4:4)
    *(cv2.IMWRITE_JPEG_QUALITY, 97),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
)

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]  # from pixels of one image to those of another, shape (2, 3)


def extract_source_faces(
    info: MediaInfo,
    settings: PreprocessingSettings,
    tracks: Sequence[FaceTrack],
    timer: StageTimer,
) -> tuple[SourceFaces, ...]:
    """Crop tracked faces in another pass over the file.

    A crop contains the square that alignment reads, as far as it is inside the frame, and a
    margin. It copies the frame's pixels unless its longer side exceeds
    ``settings.source_faces.max_side_px``, to which it is then downscaled.

    Args:
        timer: Measures the stages ``decode`` and ``source``.

    Returns:
        The crops of each track.

    Raises:
        MediaError: The file lacks a frame of a track, or cannot be opened.
    """
    croppers = [_Cropper(track, settings) for track in tracks]
    frames = iter_sampled_frames(info.path, settings.sampling.rate_hz)
    for time_s, frame in timer.measure_iter("decode", frames):
        with timer.measure("source"):
            for cropper in croppers:
                cropper.take(time_s, frame)
    return tuple(cropper.pack(info.path) for cropper in croppers)


class _Cropper:
    """Collects the crops of one track."""

    def __init__(self, track: FaceTrack, settings: PreprocessingSettings) -> None:
        self.track, self.settings = track, settings
        self.rows = {time_s: row for row, time_s in enumerate(track.time_s.tolist())}
        self.crops: dict[int, tuple[bytes, NDArray[Any], Matrix]] = {}  # by row

    def take(self, time_s: float, frame: Image) -> None:
        """Crop the face of the track, if the frame shows it."""
        row, settings = self.rows.get(time_s), self.settings
        if row is None:
            return
        to_face = _frame_to_face(self.track, row, settings.align)
        crop, to_crop = crop_source(
            frame, to_face, settings.align.crop_px, settings.source_faces.max_side_px
        )
        points = self.track.landmarks_px[row] @ to_crop[:, :2].T + to_crop[:, 2]
        matrix = _compose(to_face, cv2.invertAffineTransform(to_crop))
        self.crops[row] = _encode(crop), points, matrix

    def pack(self, path: Path) -> SourceFaces:
        """Return all crops.

        Raises:
            MediaError: A frame of the track was not among those taken.
        """
        if missing := [time_s for time_s, row in self.rows.items() if row not in self.crops]:
            raise MediaError(
                f"{path}: the face's frame at {min(missing):.3f} s cannot be decoded again; "
                "delete the cache of features"
            )
        images, points, matrices = zip(
            *(self.crops[row] for row in sorted(self.crops)), strict=True
        )
        return _pack(images, np.array(points), matrices)


def encode_source_faces(
    crops: Sequence[Image], landmarks_px: NDArray[Any], matrices: Sequence[Matrix]
) -> SourceFaces:
    """Encode crops, RGB, each of its own size; the opposite of :func:`decode_source_faces`.

    Args:
        landmarks_px, matrices: As in :class:`unmask.records.SourceFaces`.
    """
    return _pack([_encode(crop) for crop in crops], landmarks_px, matrices)


def decode_source_faces(source: SourceFaces, rows: Sequence[int]) -> list[Image]:
    """Return the crops of the given frames, RGB, each of its own size."""
    starts = np.concatenate([[0], source.ends[:-1]])
    return [_decode(source.encoded[starts[row] : source.ends[row]]) for row in rows]


def crop_source(
    frame: Image, to_face: Matrix, crop_px: int, max_side_px: int
) -> tuple[Image, Matrix]:
    """Cut the surroundings of an aligned face out of a frame.

    Args:
        frame: RGB, shape ``(height, width, 3)``.
        to_face: From the frame to the aligned face.
        crop_px: Side of the aligned face.

    Returns:
        The crop, and the matrix from the frame to it.
    """
    height, width = frame.shape[:2]
    corners = np.array([(0, 0, 1), (crop_px, 0, 1), (0, crop_px, 1), (crop_px, crop_px, 1)])
    square = corners @ cv2.invertAffineTransform(to_face).T
    low, high = square.min(axis=0), square.max(axis=0)
    margin = MARGIN * (high - low)
    first = np.floor((low - margin) / BLOCK_PX) * BLOCK_PX
    left, top = np.clip(first, 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(high + margin + 1, [left + 1, top + 1], [width, height]).astype(int)
    crop = np.ascontiguousarray(frame[top:bottom, left:right])
    to_crop = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top]])
    scale = max_side_px / max(crop.shape[:2])
    if scale >= 1:
        return crop, to_crop
    small, to_small = resize_image(crop, scale)
    return small, _compose(to_small, to_crop)


def resize_image(image: Image, scale: float) -> tuple[Image, Matrix]:
    """Resize an image; return it, and the matrix from the old pixels to the new ones."""
    before = np.array(image.shape[1::-1])
    size = np.maximum(np.round(before * scale), 1).astype(int)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(image, size.tolist(), interpolation=method)
    step = size / before
    # pixel centres are half a pixel inside
    return resized.astype(np.uint8, copy=False), np.column_stack([np.diag(step), step / 2 - 0.5])


def _frame_to_face(track: FaceTrack, row: int, settings: AlignSettings) -> Matrix:
    if settings.method == "box":
        return box_matrix(track.boxes_px[row], settings.crop_px)
    return face_matrix(track.landmarks_px[row], settings.crop_px)


def _compose(second: Matrix, first: Matrix) -> Matrix:
    """Return the matrix that applies ``first``, then ``second``."""
    shift = second[:, :2] @ first[:, 2] + second[:, 2]
    return np.column_stack([second[:, :2] @ first[:, :2], shift])


def _pack(
    images: Sequence[bytes], landmarks_px: NDArray[Any], matrices: Sequence[Matrix]
) -> SourceFaces:
    return SourceFaces(
        np.frombuffer(b"".join(images), np.uint8),
        np.cumsum([len(image) for image in images], dtype=np.int64),
        landmarks_px.astype(np.float32),
        np.array(matrices),
    )


def _encode(crop: Image) -> bytes:
    encoded = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), JPEG_OPTIONS)[1]
    return bytes(encoded.tobytes())


def _decode(image: NDArray[np.uint8]) -> Image:
    bgr = cv2.imdecode(np.ascontiguousarray(image), cv2.IMREAD_COLOR)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
