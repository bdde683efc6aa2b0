"""Colours and luma of decoded frames, as a player shows them.

The matrix from luma and chroma to RGB is the one that the file states. Untagged video is read as
BT.709 from 1280 columns or 577 rows on and as BT.601 below, as players do (mpv's rule).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require
from unmask.preprocessing.media.display import DisplayedFrame
from unmask.preprocessing.media.tone_mapping import (
    hdr_format,
    luma_table,
    map_rgb,
    needs_tone_mapping,
)

BT709, BT601 = 1, 5  # swscale's numbers of the matrices
# FFmpeg's numbers of the matrices that swscale knows, with swscale's number
KNOWN_MATRICES = {1: BT709, 4: 4, 5: BT601, 6: BT601, 7: 7, 9: 9, 10: 9}
HD_COLUMNS, HD_ROWS = 1280, 577
LIMITED, FULL = 1, 2  # FFmpeg's numbers of the ranges of luma
LUMA_BLACK, LUMA_LEVELS = 16, 219  # of limited 8-bit luma

# Pixel formats whose first plane is 8-bit luma
LUMA_PLANE_FORMATS = (
    *("yuv420p", "yuvj420p", "nv12", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"),
)
TO_LIMITED = np.rint(LUMA_BLACK + np.arange(256) * LUMA_LEVELS / 255).astype(np.uint8)

Pixels = NDArray[np.uint8]


def luma(shown: DisplayedFrame) -> Pixels:
    """Return the upright luma, shape ``(height, width)``, from 16 (black) to 235 (white).

    Where possible, the array is a view that keeps the decoder's buffer alive.
    """
    frame = shown.frame
    if hdr_format(frame) is not None:
        grey = _mapped_luma(frame)
    elif frame.format.name in LUMA_PLANE_FORMATS:
        grey = _first_plane(frame)
        if frame.color_range == FULL or frame.format.name.startswith("yuvj"):
            grey = TO_LIMITED[grey]
    else:
        frame = demosaiced(frame)
        if frame.format.components[0].bits == 1:  # which swscale converts to 4:2:0 too darkly
            frame = frame.reformat(format="gray")
        grey = _first_plane(
            frame.reformat(
                format="yuv420p",
                src_colorspace=matrix_of(frame),
                dst_colorspace=matrix_of(frame),
                dst_color_range=LIMITED,
                interpolation=_accurate(),
            )
        )
    return grey if shown.is_stored_upright else shown.geometry.apply(grey, black=LUMA_BLACK)


def to_upright_rgb(shown: DisplayedFrame, reformatter: Any) -> Pixels:
    """Convert a frame to upright RGB, shape ``(height, width, 3)``.

    Args:
        reformatter: A PyAV ``VideoReformatter``, reused from frame to frame.
    """
    frame = shown.frame
    mapped = needs_tone_mapping(frame)
    # the fast conversion is up to 4 levels off for more than 8 bits
    accurate = mapped or frame.format.components[0].bits > 8
    image = reformatter.reformat(
        frame,
        format="rgb48le" if mapped else "rgb24",
        src_colorspace=matrix_of(frame),
        interpolation=_accurate() if accurate else None,
    ).to_ndarray()
    if mapped:
        image = map_rgb(image, frame)
    return image if shown.is_stored_upright else shown.geometry.apply(image)


def demosaiced(frame: Any) -> Any:
    """Return the frame, as RGB if it is of a camera's sensor, with one colour a pixel.

    FFmpeg's own way from there to luma exchanges red and blue.
    """
    return frame.reformat(format="rgb24") if frame.format.name.startswith("bayer_") else frame


def from_rgb(image: Pixels, size: tuple[int, int]) -> Any:
    """Return a 4:2:0 frame that is read back in the same colours, tagged or not.

    Args:
        image: RGB, shape ``(height, width, 3)``.
        size: Width and height of the frame.
    """
    av = require("av", extra="media")
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
    matrix = _usual_matrix(*size)
    converted = frame.reformat(*size, format="yuv420p", dst_colorspace=matrix)
    converted.colorspace = matrix
    return converted


def matrix_of(frame: Any) -> int:
    """Return swscale's number of the matrix with which luma and chroma become RGB."""
    if frame.colorspace in KNOWN_MATRICES:
        return KNOWN_MATRICES[frame.colorspace]
    return _usual_matrix(frame.width, frame.height)


def _usual_matrix(width: int, height: int) -> int:
    return BT709 if width >= HD_COLUMNS or height >= HD_ROWS else BT601


def _mapped_luma(frame: Any) -> Pixels:
    """Return the luma of an HDR frame, as if all its colours were grey."""
    deep = frame.reformat(
        format="yuv420p10le",
        src_colorspace=matrix_of(frame),
        dst_colorspace=matrix_of(frame),
        dst_color_range=LIMITED,
        interpolation=_accurate(),
    )
    codes = np.frombuffer(deep.planes[0], np.uint16).reshape(frame.height, -1)[:, : frame.width]
    return luma_table(frame)[np.minimum(codes, 1023)]


def _first_plane(frame: Any) -> Pixels:
    plane = frame.planes[0]
    stride = abs(plane.line_size)
    rows = np.frombuffer(plane, np.uint8).reshape(-1, stride)
    if plane.line_size < 0:  # stored from the bottom up
        rows = rows[::-1]
    return rows[: frame.height, : frame.width]


def _accurate() -> Any:
    modes = require("av.video.reformatter", extra="media").Interpolation
    return modes.BILINEAR | modes.ACCURATE_RND | modes.FULL_CHR_H_INT
