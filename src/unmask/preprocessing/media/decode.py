"""Decoding of a media file to timestamped frames and to a 16 kHz mono waveform, with PyAV."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.errors import MediaError
from unmask.optional_deps import require
from unmask.preprocessing.media.container import (
    REMEDY,
    audio_stream,
    decode_stream,
    media_sha256,
    open_container,
    start_time_s,
    video_stream,
)
from unmask.preprocessing.media.sampling import FrameSampler
from unmask.records import RATE_HZ, MediaInfo, Waveform

SEEK_BACK_S = 1.0  # the sampler needs the frames just before a window to choose its first frame
DEFAULT_FPS = 25.0  # for raw streams that state no rate

# Pixel formats whose first plane is 8-bit luma
LUMA_PLANE_FORMATS = (
    *("yuv420p", "yuvj420p", "nv12", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "gray"),
)

Frame = tuple[float, NDArray[np.uint8]]  # presentation time in seconds, RGB image


def probe(path: Path) -> MediaInfo:
    """Read the container's metadata, and check that at least one stream decodes.

    A stream of which no frame decodes counts as absent.

    Raises:
        MediaError: ``path`` is missing, a folder, empty, not a media file, or has no stream that
            decodes.
    """
    sha256 = media_sha256(path)
    size_bytes = path.stat().st_size
    if not size_bytes:
        raise MediaError(f"{path}: is empty (0 bytes); {REMEDY}")
    with open_container(path) as container:
        video, audio = video_stream(container), audio_stream(container)
        frame = next(decode_stream(container, video, path), None) if video else None
        duration_s = _duration_s(container, video, audio)
        # read these before the container is closed, which frees the streams
        fps = float(video.average_rate or video.guessed_rate or 0) if frame else 0.0
        video_codec = video.codec_context.name if frame else None
        audio_codec = audio.codec_context.name if audio else None
    audio_decodes = audio is not None and _audio_decodes(path)
    if frame is None and not audio_decodes:
        raise MediaError(f"{path}: neither video nor audio can be decoded; {REMEDY}")
    rotation_deg = _rotation_deg(frame) if frame else 0
    width, height = (frame.width, frame.height) if frame else (0, 0)
    return MediaInfo(
        path=path,
        sha256=sha256,
        size_bytes=size_bytes,
        duration_s=duration_s,
        fps=fps,
        width=height if rotation_deg in (90, 270) else width,
        height=width if rotation_deg in (90, 270) else height,
        rotation_deg=rotation_deg,
        video_codec=video_codec,
        audio_codec=audio_codec if audio_decodes else None,
    )


def iter_sampled_frames(
    path: Path,
    rate_hz: float,
    start_s: float = 0.0,
    end_s: float | None = None,
    on_frame: Callable[[float, Any], None] | None = None,
) -> Iterator[Frame]:
    """Decode from ``start_s`` to ``end_s`` and yield ``rate_hz`` frames per second.

    Time 0 is the start of the container, for video and audio alike. The rotation stored in the
    container is applied. Damaged parts are skipped and logged.

    Args:
        on_frame: Called with the time and the PyAV frame of every decoded frame, sampled or not,
            before it is yielded; see :func:`luma`.

    Yields:
        Presentation time in seconds, and upright RGB, shape ``(height, width, 3)``.

    Raises:
        MediaError: The file cannot be opened.
    """
    sampler = FrameSampler(rate_hz)
    reformatter = require("av.video.reformatter", extra="media").VideoReformatter()
    for time_s, frame in iter_frames(path, start_s):
        if end_s is not None and time_s >= end_s:
            return
        if on_frame is not None:
            on_frame(time_s, frame)
        if sampler.should_take(time_s) and time_s >= start_s:
            yield time_s, to_upright_rgb(frame, reformatter)


def iter_frames(path: Path, start_s: float = 0.0) -> Iterator[tuple[float, Any]]:
    """Yield time and PyAV frame of every frame, from at most ``SEEK_BACK_S`` before ``start_s``.

    Raises:
        MediaError: The file cannot be opened.
    """
    with open_container(path) as container:
        stream = video_stream(container)
        if stream is None:
            return
        if start_s > SEEK_BACK_S:
            container.seek(int((start_s - SEEK_BACK_S + start_time_s(container)) * 1e6))
        for index, frame in enumerate(decode_stream(container, stream, path)):
            yield _time_s(frame, index, stream) - start_time_s(container), frame


def luma(frame: Any) -> NDArray[np.uint8]:
    """Return the upright luma of a PyAV frame, shape ``(height, width)``.

    Where possible, the array is a view that keeps the decoder's buffer alive.
    """
    plane = frame.planes[0]
    if frame.format.name in LUMA_PLANE_FORMATS and plane.line_size > 0:
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        grey = rows[: frame.height, : frame.width]
    else:
        grey = frame.reformat(format="gray").to_ndarray()
    rotation_deg = _rotation_deg(frame)
    return np.ascontiguousarray(np.rot90(grey, k=-rotation_deg // 90)) if rotation_deg else grey


def to_upright_rgb(frame: Any, reformatter: Any) -> NDArray[np.uint8]:
    """Convert a PyAV frame to upright RGB, shape ``(height, width, 3)``.

    Args:
        reformatter: A PyAV ``VideoReformatter``, reused from frame to frame.
    """
    image = reformatter.reformat(frame, format="rgb24").to_ndarray()
    return np.ascontiguousarray(np.rot90(image, k=-_rotation_deg(frame) // 90))


def read_waveform(path: Path) -> Waveform | None:
    """Decode the audio, mixed down to 16 kHz mono; ``None`` without audio.

    Sample 0 is at time 0 of :func:`iter_frames`; audio that starts later is padded with zeros.

    Raises:
        MediaError: The file cannot be opened.
    """
    av = require("av", extra="media")
    blocks: list[NDArray[np.float32]] = []
    with open_container(path) as container:
        stream = audio_stream(container)
        if stream is None:
            return None
        # channels are averaged here: FFmpeg's downmix makes equal channels 3 dB louder than mono
        resampler = av.AudioResampler(format="fltp", layout=None, rate=RATE_HZ)
        for frame in decode_stream(container, stream, path):
            if not blocks:
                delay_s = (frame.time or 0.0) - start_time_s(container)
                blocks.append(np.zeros(max(round(delay_s * RATE_HZ), 0), np.float32))
            frame.pts = None  # the resampler rejects timestamps that are off by one sample
            blocks.extend(block.to_ndarray().mean(axis=0) for block in resampler.resample(frame))
        if blocks:
            blocks.extend(block.to_ndarray().mean(axis=0) for block in resampler.resample(None))
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    return Waveform(np.clip(samples, -1.0, 1.0)) if len(samples) else None


def _audio_decodes(path: Path) -> bool:
    with open_container(path) as container:
        return next(decode_stream(container, audio_stream(container), path), None) is not None


def _duration_s(container: Any, *streams: Any) -> float:
    if container.duration:
        return float(container.duration) / 1e6
    durations_s = [float(s.duration * s.time_base) for s in streams if s is not None and s.duration]
    return max(durations_s, default=0.0)


def _time_s(frame: Any, index: int, stream: Any) -> float:
    """Return the presentation time, computed from the index where the container has none."""
    if frame.time is not None:
        return float(frame.time)
    return index / float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)


def _rotation_deg(frame: Any) -> int:
    """Return the clockwise rotation: 0, 90, 180 or 270; PyAV counts counterclockwise."""
    return round(-frame.rotation / 90) % 4 * 90
