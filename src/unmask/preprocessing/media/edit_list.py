"""Edit lists of MP4 that begin between two pictures.

FFmpeg drops the picture that such a list cuts and lets the next one start at once, up to the
duration of a picture before its sound. FFmpeg's simpler reading of the list, which keeps all
packets, has the true times.
"""

from pathlib import Path
from typing import Any

from unmask.preprocessing.media.container import open_container
from unmask.preprocessing.media.packets import iter_packets

KEEP_ALL = {"advanced_editlist": "0"}  # option of FFmpeg's MP4 demuxer


def picture_delay_s(path: Path, index: int) -> float:
    """Return how much later than stated the pictures of a stream are shown, in seconds.

    Args:
        index: Of a video stream whose first packets an edit list cuts off.

    Raises:
        MediaError: The file cannot be opened.
    """
    with open_container(path) as container:
        stated = _first_packet(container, index, path)
        place, stated_s = stated.pos, _time_s(stated)
    with open_container(path, KEEP_ALL) as container:
        for packet in iter_packets(container, container.streams[index], path):
            if packet.pos == place:
                delay_s = _time_s(packet) - stated_s
                length_s = float((packet.duration or 0) * packet.time_base)
                return delay_s if 0 < delay_s < length_s else 0.0
    return 0.0


def _first_packet(container: Any, index: int, path: Path) -> Any:
    return next(iter_packets(container, container.streams[index], path))


def _time_s(packet: Any) -> float:
    return float((packet.dts if packet.pts is None else packet.pts) * packet.time_base)
