"""A stretch of a video as a file of its own, and its report on the clock of the whole."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from unmask.errors import MediaError
from unmask.optional_deps import require
from unmask.preprocessing.media.decode import FORMATS, audio_stream, probe, video_stream
from unmask.serving.report.schema import Media, Report

TIMES = {"time_s", "start_s", "end_s"}  # fields of a report that lie on the video's clock


def trim(path: Path, start_s: float, end_s: float, target: Path, shown_as: str) -> float:
    """Copy a stretch without encoding it anew, so that no trace of a forgery is lost.

    It begins with the last picture before ``start_s`` that can be decoded alone.

    Args:
        target: A ``.mkv``, which holds nearly every codec.

    Returns:
        Where in the video the excerpt begins, in seconds.

    Raises:
        MediaError: There is nothing in that stretch.
    """
    av = require("av", extra="media")
    try:
        with (
            av.open(str(path), options={"format_whitelist": ",".join(FORMATS)}) as source,
            av.open(str(target), "w", format="matroska") as out,
        ):
            begin_s = _copy(source, out, start_s, end_s)
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise MediaError(
            f"{shown_as}: this stretch cannot be cut out; leave out start_s"
        ) from error
    if begin_s is None:
        until = "on" if math.isinf(end_s) else f"to {end_s:g} s"
        raise MediaError(
            f"{shown_as}: there is nothing from {start_s:g} s {until}; choose another part"
        )
    return begin_s


def _copy(source: Any, out: Any, start_s: float, end_s: float) -> float | None:
    zero_s = float(source.start_time or 0) / 1e6
    kept = [stream for stream in (video_stream(source), audio_stream(source)) if stream is not None]
    made = {stream.index: out.add_stream_from_template(stream) for stream in kept}
    begin_s, latest_s = None, -math.inf
    source.seek(int((start_s + zero_s) * 1e6), backward=True)
    for packet, time_s in _stretch(source, kept, zero_s, end_s):
        begin_s = time_s if begin_s is None else begin_s
        if time_s < begin_s:
            continue
        latest_s = max(latest_s, time_s)
        shift = round((begin_s + zero_s) / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        packet.stream = made[packet.stream.index]
        out.mux(packet)
    return begin_s if latest_s >= start_s else None


def _stretch(
    source: Any, kept: Sequence[Any], zero_s: float, end_s: float
) -> Iterator[tuple[Any, float]]:
    """Packets before ``end_s`` and their times, from the first of the picture on.

    Sound from before the picture would put the two out of step.
    """
    started = False
    for packet in source.demux(kept) if kept else ():
        if packet.pts is None or packet.dts is None:
            continue
        leads = packet.stream.index == kept[0].index
        started = started or leads
        before = float(packet.dts * packet.time_base) - zero_s < end_s
        if leads and not before:
            return
        if started and before:
            yield packet, float(packet.pts * packet.time_base) - zero_s


def shift_report_times(report: Report, begin_s: float, media: Media, region: str) -> Report:
    """The report of an excerpt that began at ``begin_s``, with the times of the whole video."""
    moved = _moved(report.model_dump(), begin_s)
    note = f"Only a part of the video was analyzed: {region}."
    return Report.model_validate({**moved, "media": media, "notes": (note, *report.notes)})


def _moved(part: Any, by_s: float) -> Any:
    """Whatever is a time in the video, later by ``by_s``."""
    if isinstance(part, list | tuple):
        return tuple(_moved(item, by_s) for item in part)
    if not isinstance(part, dict):
        return part
    moved = {name: _moved(value, by_s) for name, value in part.items()}
    for name in TIMES & moved.keys():
        moved[name] = None if moved[name] is None else round(moved[name] + by_s, 3)
    if "importance" in moved:
        pairs = moved["importance"]
        moved["importance"] = tuple((round(time_s + by_s, 3), weight) for time_s, weight in pairs)
    return moved


def describe_source(path: Path, shown_as: str, part: Media) -> Media:
    """Facts of the whole file, where ``part`` has those of an excerpt."""
    info = probe(path)
    return part.model_copy(
        update={
            "file": shown_as,
            "sha256": info.sha256,
            "size_bytes": info.size_bytes,
            "duration_s": info.duration_s,
        }
    )
