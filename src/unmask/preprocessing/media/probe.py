"""Metadata of a media file: streams, size, duration."""

from pathlib import Path
from typing import Any

from unmask.errors import MediaError
from unmask.preprocessing.media.audio_tracks import audio_stream, list_sound_tracks
from unmask.preprocessing.media.container import (
    REMEDY,
    media_sha256,
    open_container,
    video_stream,
    video_streams,
)
from unmask.preprocessing.media.decode import decode_stream
from unmask.preprocessing.media.display import UPRIGHT, Display
from unmask.preprocessing.media.joined_files import second_file_at
from unmask.preprocessing.media.timeline import Timeline, read_timeline
from unmask.preprocessing.media.tone_mapping import hdr_format
from unmask.records import MediaInfo

STATED_DURATION = ("mov", "matroska", "webm", "avi", "flv", "asf")  # formats of such headers
MIN_LOST_S = 1.0  # headers round


def probe(path: Path) -> MediaInfo:
    """Read the container's metadata, and check that at least one stream decodes.

    A stream of which no frame decodes counts as absent.

    Raises:
        MediaError: ``path`` is missing, a folder, empty, not a media file, or has no stream that
            decodes.
    """
    sha256 = media_sha256(path)
    size_bytes = _size_of_content(path)
    with open_container(path) as container:
        video, audio = video_stream(container), audio_stream(container)
        display = Display(path, container, video) if video else None
        frame = next(decode_stream(container, video, path), None) if video else None
        geometry = display.show(frame).geometry if display and frame else None
        # read these before the container is closed, which frees the streams
        fps = float(video.average_rate or video.guessed_rate or 0) if frame else 0.0
        video_codec = video.codec_context.name if frame else None
        audio_codec = audio.codec_context.name if audio else None
        video_index = video.index if frame else None
        pixels = frame.width * frame.height if frame else 0
        video_tracks = len(video_streams(container))
        stated_s = _stated_duration_s(container)
        sound_tracks = list_sound_tracks(container, audio)
    audio_decodes = audio is not None and _audio_decodes(path)
    if frame is None and not audio_decodes:
        raise MediaError(f"{path}: neither video nor audio can be decoded; {REMEDY}")
    orientation = geometry.orientation if geometry else UPRIGHT
    width, height = geometry.size if geometry else (0, 0)
    return MediaInfo(
        path=path,
        sha256=sha256,
        size_bytes=size_bytes,
        fps=fps,
        width=width,
        height=height,
        rotation_deg=orientation.rotation_deg,
        mirrored=orientation.mirrored,
        tilt_deg=orientation.tilt_deg,
        hdr=hdr_format(frame) if frame else None,
        video_codec=video_codec,
        audio_codec=audio_codec if audio_decodes else None,
        sound_tracks=sound_tracks,
        video_index=video_index,
        video_tracks=video_tracks,
        bits_per_pixel=_bits_per_pixel(path, video_index, pixels),
        **_time_facts(path, stated_s),
    )


def _size_of_content(path: Path) -> int:
    size_bytes = path.stat().st_size
    if not size_bytes:
        raise MediaError(f"{path}: is empty (0 bytes); {REMEDY}")
    return size_bytes


def _bits_per_pixel(path: Path, index: int | None, pixels: int) -> float | None:
    times = read_timeline(path).streams.get(index) if index is not None else None
    return 8 * float(times.packets.size_bytes.mean()) / pixels if times and pixels else None


def _time_facts(path: Path, stated_s: float) -> dict[str, Any]:
    timeline = read_timeline(path)
    return {
        "duration_s": round(timeline.duration_s, 6),
        "lost_end_s": _lost_end_s(stated_s, timeline),
        "clock_jumps_s": tuple(round(jump.time_s, 3) for jump in timeline.jumps),
        "clocks_apart": not all(jump.all_streams for jump in timeline.jumps),
        "second_file_at": second_file_at(path),
    }


def _stated_duration_s(container: Any) -> float:
    """Return the duration in the header; 0 where FFmpeg estimates it."""
    is_stated = any(name in STATED_DURATION for name in container.format.name.split(","))
    return float(container.duration or 0) / 1e6 if is_stated else 0.0


def _lost_end_s(stated_s: float, timeline: Timeline) -> float:
    """Return how much is lost at the end; single segments state their end, not their length."""
    lost_s = stated_s - max(timeline.duration_s, timeline.end_s)
    return 0.0 if timeline.jumps or lost_s < MIN_LOST_S else lost_s


def _audio_decodes(path: Path) -> bool:
    with open_container(path) as container:
        return next(decode_stream(container, audio_stream(container), path), None) is not None
