"""Trimming: a time range of a video as a file, and its report in the times of the full video."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from unmask.errors import MediaError
from unmask.optional_deps import require
from unmask.preprocessing.media.audio_tracks import audio_stream
from unmask.preprocessing.media.container import video_stream
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.media.suffixes import FORMATS
from unmask.serving.report.schema import Media, Report, SoundTrack

TIME_FIELDS = {"time_s", "start_s", "end_s"}  # report fields that are times in the video


def trim(path: Path, start_s: float, end_s: float, target: Path, shown_as: str) -> float:
    """Copy a time range without re-encoding, so that traces of forgery are kept.

    The excerpt starts at the last keyframe before ``start_s``.

    Args:
        target: File ending in ``.mkv``, a container for nearly every codec.
        shown_as: Name of the file in errors.

    Returns:
        Where in the video the excerpt starts, in seconds.

    Raises:
        MediaError: The range is empty or cannot be copied.
    """
    av = require("av", extra="media")
    try:
        with (
            av.open(str(path), options={"format_whitelist": ",".join(FORMATS)}) as source,
            av.open(str(target), "w", format="matroska") as out,
        ):
            offset_s = _copy(source, out, start_s, end_s)
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        raise MediaError(
            f"{shown_as}: cannot cut out this time range; leave out start_s and end_s"
        ) from error
    if offset_s is None:
        until = "to the end" if math.isinf(end_s) else f"to {end_s:g} s"
        raise MediaError(
            f"{shown_as}: nothing to analyze from {start_s:g} s {until}; choose another time range"
        )
    return offset_s


def _copy(source: Any, out: Any, start_s: float, end_s: float) -> float | None:
    zero_s = float(source.start_time or 0) / 1e6
    inputs = [
        stream for stream in (video_stream(source), audio_stream(source)) if stream is not None
    ]
    outputs = {stream.index: out.add_stream_from_template(stream) for stream in inputs}
    offset_s, latest_s = None, -math.inf
    source.seek(int((start_s + zero_s) * 1e6), backward=True)
    for packet, time_s in _packets(source, inputs, zero_s, end_s):
        offset_s = time_s if offset_s is None else offset_s
        if time_s < offset_s:
            continue
        latest_s = max(latest_s, time_s)
        shift = round((offset_s + zero_s) / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        packet.stream = outputs[packet.stream.index]
        out.mux(packet)
    return offset_s if latest_s >= start_s else None


def _packets(
    source: Any, inputs: Sequence[Any], zero_s: float, end_s: float
) -> Iterator[tuple[Any, float]]:
    """Yield packets before ``end_s`` and their times, starting with the first stream's.

    Audio from before the first video packet would put the two out of sync.
    """
    started = False
    for packet in source.demux(inputs) if inputs else ():
        if packet.pts is None or packet.dts is None:
            continue
        is_first_stream = packet.stream.index == inputs[0].index
        started = started or is_first_stream
        is_in_range = float(packet.dts * packet.time_base) - zero_s < end_s
        if is_first_stream and not is_in_range:
            return
        if started and is_in_range:
            yield packet, float(packet.pts * packet.time_base) - zero_s


def shift_report_times(report: Report, offset_s: float, media: Media, region: str) -> Report:
    """Return the report of an excerpt with the times of the full video.

    Args:
        offset_s: Where in the video the excerpt starts.
        media: Properties of the full file.
        region: Description of the time range for a note.
    """
    shifted = _shift(report.model_dump(), offset_s)
    note = f"Only a part of the video was analyzed: {region}."
    return Report.model_validate({**shifted, "media": media, "notes": (note, *report.notes)})


def _shift(value: Any, offset_s: float) -> Any:
    """Add ``offset_s`` to every time of the video in a part of a report."""
    if isinstance(value, list | tuple):
        return tuple(_shift(item, offset_s) for item in value)
    if not isinstance(value, dict):
        return value
    shifted = {name: _shift(item, offset_s) for name, item in value.items()}
    for name in TIME_FIELDS & shifted.keys():
        shifted[name] = None if shifted[name] is None else round(shifted[name] + offset_s, 3)
    if "importance" in shifted:
        shifted["importance"] = tuple(
            (round(time_s + offset_s, 3), weight) for time_s, weight in shifted["importance"]
        )
    return shifted


def describe_source(path: Path, shown_as: str, excerpt: Media) -> Media:
    """Return the properties of the full file, given those of an excerpt."""
    info = probe(path)
    return excerpt.model_copy(
        update={
            "file": shown_as,
            "sha256": info.sha256,
            "size_bytes": info.size_bytes,
            "duration_s": info.duration_s,
            "sound_tracks": tuple(map(SoundTrack.model_validate, info.sound_tracks)),
        }
    )
