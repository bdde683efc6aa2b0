"""Running time of a media file: one clock for picture and sound, over restarts and jumps of it.

Joined captures and broadcasts start their clock again, or let it jump. All packets are listed
once, without decoding, and divided into parts in which the clock runs. A part begins where the
part before it ended, for all streams alike, so that picture and sound stay together.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.media.container import (
    FileKey,
    decodable_streams,
    file_key,
    is_cover_art,
    open_container,
    start_time_s,
)
from unmask.preprocessing.media.damaged_times import BACK_S, MAX_REORDERING, damage_s
from unmask.preprocessing.media.edit_list import picture_delay_s
from unmask.preprocessing.media.packet_table import PacketTable, list_packets
from unmask.preprocessing.media.reordering import reordering_delay_s

ALONE_BACK_S = 1.0  # the same, where one stream goes back; less is an overlap
JUMP_S = 10.0  # a time this far ahead in all streams is a jump; in one of several, a pause
ONLY_STREAM_JUMP_S = 60.0  # the same, in a file of one stream
ALONE_JUMP_S = 3600.0  # the same, where one stream goes on so long after the end of all others
SAME_CLOCK_S = 2.0  # the streams of a part start within this time
NO_DELAYS: Mapping[int, float] = {}


@dataclass(frozen=True, slots=True)
class ClockJump:
    """A place where the clock of the file starts again or jumps.

    Attributes:
        time_s: Where it is, in running time from the start of the file.
        step_s: How far the clock moves; negative if it starts again.
        all_streams: Whether all streams move together; else picture and sound may be apart.
    """

    time_s: float
    step_s: float
    all_streams: bool


@dataclass(frozen=True, slots=True)
class StreamTimes:
    """Running time of one stream.

    Attributes:
        firsts: Index of the first packet of each part, ascending; packets with damaged times are
            parts as well.
        shifts_s: Seconds to add to the times of each part, shape ``(parts,)``.
        packets: The packets in the times of the file.
    """

    firsts: Sequence[int]
    shifts_s: Sequence[float]
    packets: PacketTable

    def shift_s(self, index: int) -> float:
        """Return the seconds to add to the times of the packet with this index."""
        return self.shifts_s[bisect_right(self.firsts, index) - 1]

    def running_s(self) -> NDArray[np.float64]:
        """Return the running times of all packets that are presented, in the order of the file."""
        counts = np.diff([*self.firsts, len(self.packets.shown_s)])
        times_s: NDArray[np.float64] = self.packets.shown_s[self.firsts[0] :]
        shown = self.packets.is_shown[self.firsts[0] :]
        return (times_s + np.repeat(self.shifts_s, counts))[shown]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Running time of a file.

    Attributes:
        zero_s: Start of the file on the clock of its first part.
        end_s: End of the file on the same clock, running on.
        streams: By the index of the stream; those without packets are left out.
    """

    zero_s: float
    end_s: float
    streams: Mapping[int, StreamTimes]
    jumps: Sequence[ClockJump]

    def seek_time_s(self, index: int, time_s: float) -> float | None:
        """Return where to seek in a video stream to decode from ``time_s``, on the file's clock.

        Returns:
            Presentation time of a key frame; ``None`` if decoding must begin with the first packet.
        """
        times = self.streams.get(index)
        if times is None or len(times.firsts) > 1 or self.jumps or times.packets.is_ordered:
            return None
        keys_s = times.packets.shown_s[times.packets.is_key]
        earlier_s = keys_s[keys_s <= time_s + self.zero_s]
        return float(earlier_s.max()) if len(earlier_s) > 1 else None

    def shown_in_s(self, index: int, part_s: tuple[float, float]) -> NDArray[np.float64]:
        """Return when the packets of a stream are presented in a part, from the file's start.

        Args:
            part_s: Start and end of the part.
        """
        if index not in self.streams:
            return np.zeros(0)
        times_s = self.streams[index].running_s() - self.zero_s
        return times_s[(times_s >= part_s[0]) & (times_s < part_s[1])]

    @property
    def duration_s(self) -> float:
        """Running time from the start to the end."""
        return max(self.end_s - self.zero_s, 0.0)


def read_timeline(path: Path) -> Timeline:
    """List the packets of a file and return its running time.

    The process lists them again only if the file's size, modification time or inode has changed.

    Raises:
        MediaError: The file cannot be opened.
    """
    return _cached_timeline(file_key(path))


@lru_cache(maxsize=8)
def _cached_timeline(key: FileKey) -> Timeline:
    path = key[0]
    with open_container(path) as container:
        streams = [
            stream
            for kind in (container.streams.video, container.streams.audio)
            for stream in decodable_streams(kind)
            if not is_cover_art(stream)
        ]
        tables = list_packets(container, streams, path)
        cut = [s.index for s in streams if s.type == "video" and _starts_cut(tables, s.index)]
        start_s = start_time_s(container)
        # AVI begins with the first picture, but ASF with the first decoding time
        is_asf = container.format.name == "asf"
    delays_s = {index: picture_delay_s(path, index) for index in cut}
    for index, table in tables.items():
        if is_asf and table.shows_dts and table.is_ordered:
            delays_s[index] = reordering_delay_s(path, index, table.packet_s)
    return build_timeline(tables, start_s, delays_s)


def _starts_cut(tables: Mapping[int, PacketTable], index: int) -> bool:
    return index in tables and not tables[index].is_shown[0]


@dataclass(slots=True)
class _Part:
    """Packets between two jumps of the clock, in the times of the file."""

    order: int = 0  # place in the file of its first packet
    start_s: float = 0.0  # clock of its first packet
    step_s: float = 0.0
    all_streams: bool = True
    shift_s: float = 0.0
    firsts: dict[int, int] = field(default_factory=dict)  # index of the first packet, by stream


def build_timeline(
    tables: Mapping[int, PacketTable], start_s: float, delays_s: Mapping[int, float] = NO_DELAYS
) -> Timeline:
    """Join the parts of a file.

    Args:
        tables: Packets by the index of the stream.
        start_s: Start of the file that the container states.
        delays_s: How much later than stated the packets of a stream are presented.
    """
    stated, damages_s = tables, {index: damage_s(table) for index, table in tables.items()}
    tables = {index: _repaired(table, damages_s[index]) for index, table in stated.items()}
    parts = [part for part in _find_parts(tables) if _keep(part, tables)]
    ends_s = dict.fromkeys(tables, start_s)
    firsts: dict[int, list[int]] = {index: [] for index in tables}
    shifts_s: dict[int, list[float]] = {index: [] for index in tables}
    jumps = []
    for part, spans_s in zip(parts, _spans_s(parts, tables), strict=True):
        joins = part is not parts[0]
        if joins and spans_s:
            earlier_s = [end_s for i, end_s in ends_s.items() if part.all_streams or i in spans_s]
            part.shift_s = max(earlier_s) - min(low_s for low_s, _ in spans_s.values())
            jumps.append(ClockJump(max(earlier_s) - start_s, part.step_s, part.all_streams))
        for index, (_, high_s) in spans_s.items():
            firsts[index].append(part.firsts[index])
            shifts_s[index].append(part.shift_s + delays_s.get(index, 0.0))
            ends_s[index] = max(ends_s[index], high_s + part.shift_s)
    streams = {
        index: _with_damage(StreamTimes(firsts[index], shifts_s[index], table), damages_s[index])
        for index, table in stated.items()
        if firsts[index]
    }
    return Timeline(start_s, max(ends_s.values(), default=start_s), streams, tuple(jumps))


def _repaired(table: PacketTable, added_s: NDArray[np.float64]) -> PacketTable:
    shown_s = table.shown_s + added_s
    is_damaged = added_s != 0
    # some containers state times alone, so that a packet seems to last until the damaged one
    is_beside = is_damaged | np.append(is_damaged[1:], False)
    return replace(
        table,
        shown_s=shown_s,
        decoded_s=np.where(is_damaged, shown_s, table.decoded_s),
        length_s=np.where(is_beside, np.median(table.length_s), table.length_s),
    )


def _with_damage(times: StreamTimes, added_s: NDArray[np.float64]) -> StreamTimes:
    """Add parts for the packets whose times are damaged."""
    counts = np.diff([*times.firsts, len(added_s)])
    shifts_s = np.repeat(times.shifts_s, counts) + added_s[times.firsts[0] :]
    starts = np.flatnonzero(np.diff(added_s[times.firsts[0] :])) + times.firsts[0] + 1
    firsts = tuple(sorted({*times.firsts, *starts.tolist()}))
    return StreamTimes(
        firsts, tuple(shifts_s[np.array(firsts) - times.firsts[0]].tolist()), times.packets
    )


def _find_parts(tables: Mapping[int, PacketTable]) -> list[_Part]:
    """Return every part that at least one stream begins; the first part is that of the file."""
    parts = [_Part(firsts=dict.fromkeys(tables, 0))]
    steps = [step for index, table in tables.items() for step in _find_steps(index, table)]
    for order, index, packet, step_s in sorted(steps):
        start_s, last = float(tables[index].shown_s[packet]), parts[-1]
        joins = (
            last is not parts[0]
            and index not in last.firsts
            and (step_s < 0) == (last.step_s < 0)
            and abs(start_s - last.start_s) <= SAME_CLOCK_S
        )
        if not joins:
            parts.append(_Part(order, start_s, step_s))
        parts[-1].firsts[index] = packet
    return parts


def _find_steps(index: int, table: PacketTable) -> list[tuple[int, int, int, float]]:
    """Return place in the file, stream, packet and size of each step of the clock."""
    back_s = np.diff(table.decoded_s)
    ahead_s = np.diff(table.shown_s)
    is_back = back_s < -BACK_S
    is_ahead = ahead_s > max(JUMP_S, MAX_REORDERING * table.packet_s)
    return [
        (int(table.order[i + 1]), index, int(i + 1), float((back_s if is_back[i] else ahead_s)[i]))
        for i in np.flatnonzero(is_back | is_ahead)
    ]


def _keep(part: _Part, tables: Mapping[int, PacketTable]) -> bool:
    """Return whether the clock moved, and note whether it did for all streams."""
    if not part.order:
        return True
    part.all_streams = not any(
        index not in part.firsts and table.seconds_after(part.order) > SAME_CLOCK_S
        for index, table in tables.items()
    )
    if part.step_s > 0:
        others = (table for index, table in tables.items() if index not in part.firsts)
        end_s = max((float(table.shown_s.max()) for table in others), default=math.inf)
        if part.start_s > end_s + ALONE_JUMP_S:
            return True
        limit_s = JUMP_S if len(tables) > 1 else ONLY_STREAM_JUMP_S
        return part.all_streams and part.step_s > limit_s
    return len(part.firsts) > 1 or part.step_s < -ALONE_BACK_S


def _spans_s(
    parts: Sequence[_Part], tables: Mapping[int, PacketTable]
) -> list[dict[int, tuple[float, float]]]:
    """Return the first and last time of each part's streams, in the times of the file."""
    spans: list[dict[int, tuple[float, float]]] = [{} for _ in parts]
    for index, table in tables.items():
        own = [number for number, part in enumerate(parts) if index in part.firsts]
        ends = [parts[number].firsts[index] for number in own[1:]] + [len(table.shown_s)]
        for number, end in zip(own, ends, strict=True):
            span = slice(parts[number].firsts[index], end)
            if table.is_shown[span].any():
                spans[number][index] = table.bounds_s(span)
    return spans
