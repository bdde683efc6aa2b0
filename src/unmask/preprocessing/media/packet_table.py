"""Table of a media file's packets: their times and places, listed without decoding."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.errors import MediaError
from unmask.preprocessing.media.packets import iter_packets

MAX_PACKETS = 5_000_000  # more than 12 hours of picture and sound have
NO_TIME = -(2**63)
DEFAULT_FPS = 25.0  # for raw streams that state no rate


@dataclass(frozen=True, slots=True)
class PacketTable:
    """Packets of one stream in the order of the file, which is that of decoding.

    Attributes:
        order: Place among the packets of all streams, shape ``(packets,)``.
        shown_s: Presentation times; where none is stated, decoding times.
        decoded_s: Decoding times; where none is stated, presentation times.
        length_s: Durations; 0 if unknown.
        size_bytes: Bytes of data.
        is_key: Whether decoding can start at the packet.
        is_shown: Whether its content is presented; false for what an edit list cuts off.
        shows_dts: Whether presentation times must be taken from the decoding times.
        has_times: Whether the container states times at all.
        is_ordered: Whether presentation times are unknown although frames are reordered, so that
            the decoded frames take the packets' times in ascending order.
        packet_s: Typical duration of a packet; 0 if unknown.
    """

    order: NDArray[np.int64]
    shown_s: NDArray[np.float64]
    decoded_s: NDArray[np.float64]
    length_s: NDArray[np.float64]
    size_bytes: NDArray[np.int64]
    is_key: NDArray[np.bool_]
    is_shown: NDArray[np.bool_]
    shows_dts: bool
    has_times: bool
    is_ordered: bool
    packet_s: float

    def bounds_s(self, span: slice) -> tuple[float, float]:
        """Return the start of the first and the end of the last packet that is presented."""
        kept = self.is_shown[span]
        shown_s, length_s = self.shown_s[span][kept], self.length_s[span][kept]
        ends_s = shown_s + np.where(length_s > 0, length_s, self.packet_s)
        return float(shown_s.min()), float(ends_s.max())

    def seconds_after(self, order: int) -> float:
        """Return how much of the stream follows a place in the file, in seconds."""
        return float(self.length_s[self.order > order].sum())


def list_packets(container: Any, streams: Sequence[Any], path: Path) -> Mapping[int, PacketTable]:
    """Read all packets of the streams, and return a table by the index of the stream.

    Raises:
        MediaError: There are more than ``MAX_PACKETS``.
    """
    rows = {stream.index: array("q") for stream in streams}
    for order, packet in enumerate(iter_packets(container, list(streams), path) if streams else ()):
        if order >= MAX_PACKETS:
            message = f"{path}: has more than {MAX_PACKETS} packets; trim the file"
            raise MediaError(message)
        pts = NO_TIME if packet.pts is None else packet.pts
        dts = NO_TIME if packet.dts is None else packet.dts
        facts = (packet.duration or 0, packet.size, packet.is_keyframe, packet.is_discard)
        rows[packet.stream_index].extend((order, pts, dts, *facts))
    return {
        stream.index: _build_table(container, stream, np.array(rows[stream.index]).reshape(-1, 7))
        for stream in streams
        if rows[stream.index]
    }


def _build_table(container: Any, stream: Any, rows: NDArray[np.int64]) -> PacketTable:
    order, pts, dts, duration, size_bytes, is_key, is_discard = rows.T
    unit_s = float(stream.time_base)
    length_s = duration * unit_s
    packet_s = float(np.median(length_s))
    if stream.type == "video":
        packet_s = 1 / float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)
    shown_s, decoded_s = _seconds(pts, unit_s), _seconds(dts, unit_s)
    has_times = bool(np.isfinite(shown_s).any() or np.isfinite(decoded_s).any())
    if not has_times:
        shown_s = decoded_s = np.arange(len(rows)) * packet_s
    decoded_s = _fill_from_next(np.where(np.isfinite(decoded_s).any(), decoded_s, shown_s))
    shown_s = np.where(np.isfinite(shown_s), shown_s, decoded_s)
    is_ordered, shows_dts = not has_times, False
    if stream.type == "video" and not is_ordered:
        shows_dts = _states_dts_alone(container, stream)
        shown_s = decoded_s if shows_dts else shown_s
    if stream.type == "video" and stream.codec_context.has_b_frames and not is_ordered:
        is_reordered = (np.diff(shown_s) <= 0) & (np.diff(decoded_s) >= 0)
        is_ordered = shows_dts or not is_reordered.any()
    return PacketTable(
        order,
        shown_s,
        decoded_s,
        length_s,
        size_bytes,
        is_key.astype(bool),
        ~is_discard.astype(bool),
        shows_dts,
        has_times,
        is_ordered,
        packet_s,
    )


def _states_dts_alone(container: Any, stream: Any) -> bool:
    """Return whether the presentation times are FFmpeg's guess, which is a picture off or more."""
    name = container.format.name
    return name == "avi" or (name == "asf" and stream.codec_context.name == "h264")


def _seconds(times: NDArray[np.int64], unit_s: float) -> NDArray[np.float64]:
    """Return times in seconds; a missing one is not a number."""
    return np.where(times == NO_TIME, np.nan, times * unit_s)


def _fill_from_next(times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace missing times by the next one, and those at the end by the last one."""
    known = np.flatnonzero(np.isfinite(times_s))
    nearest = np.searchsorted(known, np.arange(len(times_s))).clip(max=len(known) - 1)
    return times_s[known[nearest]]
