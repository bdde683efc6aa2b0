"""Thumbnails of ingredients, decoded and written again: they come from an untrusted file."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from unmask.optional_deps import require

MAX_BYTES = 4 << 20
MAX_SIDE_PX = 512
MAX_PIXELS = 4096 * 4096


def write_thumbnail(reader: Any, identifier: str, target: Path) -> str | None:
    """Write a thumbnail of a manifest as PNG, at most ``MAX_SIDE_PX`` wide and high.

    Args:
        reader: Of c2pa.

    Returns:
        Name of the written file; None for a thumbnail that is missing, no picture, or too large.
    """
    c2pa = require("c2pa", extra="provenance")
    stream = _LimitedBuffer()
    try:
        reader.resource_to_stream(identifier, stream)
    except (c2pa.C2paError, OSError):
        return None
    picture = _decode(stream.getvalue())
    if picture is None:
        return None
    cv2 = require("cv2", extra="media")
    return target.name if cv2.imwrite(str(target), picture) else None


def _decode(content: bytes) -> Any:
    cv2 = require("cv2", extra="media")
    if not content:
        return None
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    if picture is None or picture.shape[0] * picture.shape[1] > MAX_PIXELS:
        return None
    scale = min(MAX_SIDE_PX / max(picture.shape[:2]), 1.0)
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


class _LimitedBuffer(BytesIO):
    """A buffer that refuses what is too large for a thumbnail."""

    def write(self, data: Any, /) -> int:
        if self.tell() + len(data) > MAX_BYTES:
            raise OSError("too large")
        return super().write(data)
