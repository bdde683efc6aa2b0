"""Reordering of pictures in files that state decoding times alone: how much later they are shown.

The encoder lets the decoding times begin early enough that every picture is decoded when it must
be shown, so that the first picture is shown as late as the decoder's buffer holds it back.
"""

from pathlib import Path
from typing import Any

from unmask.optional_deps import require
from unmask.preprocessing.media.container import open_container
from unmask.preprocessing.media.packets import iter_packets

MAX_HELD_BACK = 16  # pictures; the limit of H.264


def reordering_delay_s(path: Path, index: int, picture_s: float) -> float:
    """Return how much later than decoded the pictures of a stream are shown, in seconds.

    Args:
        index: Of a video stream.
        picture_s: Duration of a picture.

    Raises:
        MediaError: The file cannot be opened.
    """
    with open_container(path) as container:
        stream = container.streams[index]
        stream.codec_context.thread_count = 1  # threads hold back more
        for held_back, packet in enumerate(iter_packets(container, stream, path)):
            if held_back > MAX_HELD_BACK:
                break
            if _decode(stream, packet):
                return held_back * picture_s
    return 0.0


def _decode(stream: Any, packet: Any) -> bool:
    """Return whether the decoder yields a picture; a damaged packet counts as none."""
    try:
        return bool(stream.decode(packet))
    except require("av", extra="media").error.FFmpegError:
        return False
