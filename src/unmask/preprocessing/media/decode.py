"""Decoding of one stream of a media file to frames in running time."""

import heapq
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unmask.optional_deps import require
from unmask.preprocessing.media.packets import iter_packets, raise_if_out_of_memory
from unmask.preprocessing.media.timeline import StreamTimes, read_timeline

log = logging.getLogger(__name__)


def decode_stream(container: Any, stream: Any, path: Path, sought: bool = False) -> Iterator[Any]:
    """Yield every frame of a stream, its time in the running time of the file.

    Damaged parts are skipped and logged once.

    Args:
        sought: Whether the container was sought to a place behind its start; packets before the
            first key frame are then skipped. See
            :meth:`unmask.preprocessing.media.timeline.Timeline.seek_time_s`.

    Raises:
        MediaError: The file cannot be opened.
    """
    times = read_timeline(path).streams.get(stream.index)
    if times is None:
        return
    stream.thread_type = "AUTO"
    order = _AscendingTimes() if times.packets.is_ordered else None
    damaged = 0
    for packet in _iter_timed_packets(container, stream, path, times, sought):
        if order is not None:
            order.add(packet)
        frames = _decode(stream, packet, path)
        damaged += frames is None
        for frame in frames or ():
            if order is not None:
                frame.pts = order.take(frame)
            yield frame
    if damaged:
        log.warning("%s: skipped %d damaged part(s) of the %s stream", path, damaged, stream.type)


def _decode(stream: Any, packet: Any, path: Path) -> Any:
    """Return the frames that a packet completes; ``None`` if it is damaged."""
    try:
        return stream.decode(packet)
    except require("av", extra="media").error.FFmpegError as error:
        raise_if_out_of_memory(error)
        log.debug("%s: %s", path, error)
        return None


def _iter_timed_packets(
    container: Any, stream: Any, path: Path, times: StreamTimes, sought: bool
) -> Iterator[Any]:
    """Yield the packets in running time, then an empty one, which empties the decoder."""
    unit_s, table = float(stream.time_base), times.packets
    skips = sought
    for index, packet in enumerate(iter_packets(container, stream, path)):
        skips = skips and not packet.is_keyframe
        if skips:
            continue
        if not table.has_times:
            packet.pts = packet.dts = round(index * table.packet_s / unit_s)
        elif table.shows_dts or packet.pts is None:
            packet.pts = packet.dts
        # a file of several parts is not sought in
        shift = round((times.shifts_s[0] if sought else times.shift_s(index)) / unit_s)
        if shift:
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
        yield packet
    end = require("av", extra="media").Packet()
    end.stream, end.time_base = stream, stream.time_base
    yield end


class _AscendingTimes:
    """Gives frames, which come in the order of presentation, the times of the packets in order."""

    def __init__(self) -> None:
        self._waiting: list[int] = []

    def add(self, packet: Any) -> None:
        """Add the time of a packet before it is decoded."""
        if packet.pts is not None:
            heapq.heappush(self._waiting, packet.pts)

    def take(self, frame: Any) -> int | None:
        """Return the time of the next frame."""
        own: int | None = frame.pts
        # every packet before a key frame is shown before it: the rest of them was lost
        while own is not None and frame.key_frame and self._waiting and self._waiting[0] < own:
            heapq.heappop(self._waiting)
        return heapq.heappop(self._waiting) if self._waiting else own
