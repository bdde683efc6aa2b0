"""Side data of decoded frames."""

from functools import cache
from typing import Any

from unmask.optional_deps import require

MATRIX_BYTES = 36  # nine numbers of 32 bits


def display_matrix(frame: Any) -> bytes | None:
    """Return the matrix with which a player turns and mirrors a frame, if it has one.

    It is that of the container or the codec, or the EXIF orientation of a JPEG picture.

    Args:
        frame: PyAV video frame.
    """
    matrix = _kinds().DISPLAYMATRIX
    # frame.side_data would refer to the frame and the frame to it, so that all frames of a video
    # stay in memory until Python looks for such cycles
    for data in require("av.sidedata.sidedata", extra="media").SideDataContainer(frame):
        if data.type is matrix and data.buffer_size >= MATRIX_BYTES:
            return bytes(data)[:MATRIX_BYTES]
    return None


@cache
def _kinds() -> Any:
    """Return PyAV's kinds of side data, to which those that FFmpeg knows beyond them are added.

    PyAV 18.1 raises an error for all side data of a frame if it does not know one of them, as of
    every JPEG picture with EXIF and every picture of a spatial video.
    """
    kinds = require("av.sidedata.sidedata", extra="media").Type
    kinds._missing_ = classmethod(_add_kind)
    return kinds


def _add_kind(kinds: Any, number: int) -> Any:
    kind = object.__new__(kinds)
    kind._name_, kind._value_ = f"UNKNOWN_{number}", number
    return kind
