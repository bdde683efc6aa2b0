"""Media file to frames with times and to 16 kHz mono sound, with PyAV."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.errors import MediaError
from unmask.optional_deps import require
from unmask.preprocessing.hashing import file_sha256
from unmask.preprocessing.media.sampling import FrameSampler
from unmask.records import RATE_HZ, MediaInfo, Waveform

SEEK_BACK_S = 1.0  # a window's first frame is told from the one before it
# Films and sound, by ffmpeg's names. Left out are texts that it would draw, and playlists, with
# which an upload could have other files of this machine opened.
FORMATS = (
    *("mov", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "m4v", "flv", "asf", "ogg"),
    *("h264", "hevc", "ivf", "obu", "mxf", "dv", "rm", "gif", "wav", "mp3", "aac", "flac", "aiff"),
)
REMEDY = "use a video or sound file that a player opens, or re-export it"

log = logging.getLogger(__name__)

# Formats whose first plane is the brightness as it is, 8 bits a pixel
GREY_FIRST = ("yuv420p", "yuvj420p", "nv12", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "gray")

Frame = tuple[float, NDArray[np.uint8]]


def probe(path: Path) -> MediaInfo:
    """Read what the container says, and make sure that something in it decodes.

    A stream of which nothing decodes counts as absent.

    Raises:
        MediaError: ``path`` is missing, a folder, empty, no media file, or damaged beyond use.
    """
    sha256 = file_sha256(path)
    size_bytes = path.stat().st_size
    if not size_bytes:
        raise MediaError(f"{path}: is empty (0 bytes); {REMEDY}")
    with _opened(path) as container:
        picture, sound = video_stream(container), audio_stream(container)
        first = next(_decoded(container, picture, path), None) if picture else None
        duration_s = _duration_s(container, picture, sound)
        # read here: a stream's memory is gone once its container is closed
        fps = float(picture.average_rate or picture.guessed_rate or 0) if first else 0.0
        video_codec = picture.codec_context.name if first else None
        audio_codec = sound.codec_context.name if sound else None
    heard = sound is not None and _sound_decodes(path)
    if first is None and not heard:
        raise MediaError(f"{path}: no picture and no sound could be decoded; {REMEDY}")
    turn = _clockwise_deg(first) if first else 0
    width, height = (first.width, first.height) if first else (0, 0)
    return MediaInfo(
        path=path,
        sha256=sha256,
        size_bytes=size_bytes,
        duration_s=duration_s,
        fps=fps,
        width=height if turn in (90, 270) else width,
        height=width if turn in (90, 270) else height,
        rotation_deg=turn,
        video_codec=video_codec,
        audio_codec=audio_codec if heard else None,
    )


def iter_sampled_frames(
    path: Path,
    rate_hz: float,
    start_s: float = 0.0,
    end_s: float | None = None,
    look: Callable[[float, Any], None] | None = None,
) -> Iterator[Frame]:
    """Decode everything from ``start_s`` to ``end_s``, and give ``rate_hz`` frames a second.

    Time 0 is where the container starts, the same for picture and sound. The rotation that
    the container asks for is applied. Of a damaged file, what decodes is given and the rest
    is logged.

    Args:
        look: Called with time and decoded picture of every frame, taken or not, in order, before
            it is given; see :func:`luma`.

    Yields:
        Presentation time in seconds, and RGB as shown, shape ``(height, width, 3)``.

    Raises:
        MediaError: The file cannot be opened.
    """
    sampler = FrameSampler(rate_hz)
    converter = require("av.video.reformatter", extra="media").VideoReformatter()
    for time_s, frame in iter_frames(path, start_s):
        if end_s is not None and time_s >= end_s:
            return
        if look is not None:
            look(time_s, frame)
        if sampler.should_take(time_s) and time_s >= start_s:
            yield time_s, to_upright_rgb(frame, converter)


def iter_frames(path: Path, start_s: float = 0.0) -> Iterator[tuple[float, Any]]:
    """Time and decoded picture of every frame, from at most ``SEEK_BACK_S`` before ``start_s``.

    Raises:
        MediaError: The file cannot be opened.
    """
    with _opened(path) as container:
        stream = video_stream(container)
        if stream is None:
            return
        if start_s > SEEK_BACK_S:
            container.seek(int((start_s - SEEK_BACK_S + _start_s(container)) * 1e6))
        for index, frame in enumerate(_decoded(container, stream, path)):
            yield _time_s(frame, index, stream) - _start_s(container), frame


def luma(frame: Any) -> NDArray[np.uint8]:
    """Brightness of a decoded picture as shown, shape ``(height, width)``.

    Where possible no byte is copied, and the array keeps the decoder's own picture alive.
    """
    plane = frame.planes[0]
    if frame.format.name in GREY_FIRST and plane.line_size > 0:
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        grey = rows[: frame.height, : frame.width]
    else:
        grey = frame.reformat(format="gray").to_ndarray()
    turn = _clockwise_deg(frame)
    return np.ascontiguousarray(np.rot90(grey, k=-turn // 90)) if turn else grey


def read_waveform(path: Path) -> Waveform | None:
    """All of the file's sound, mixed to mono at 16 kHz; ``None`` where there is none.

    The first sample is at time 0 of :func:`frames`; a later start is filled with silence.

    Raises:
        MediaError: The file cannot be opened.
    """
    av = require("av", extra="media")
    blocks: list[NDArray[np.float32]] = []
    with _opened(path) as container:
        stream = audio_stream(container)
        if stream is None:
            return None
        # channels are averaged here: ffmpeg's own mix makes equal channels 3 dB louder than mono
        resampler = av.AudioResampler(format="fltp", layout=None, rate=RATE_HZ)
        for frame in _decoded(container, stream, path):
            if not blocks:
                late_s = (frame.time or 0.0) - _start_s(container)
                blocks.append(np.zeros(max(round(late_s * RATE_HZ), 0), np.float32))
            frame.pts = None  # gaps of single samples would make the resampler complain
            blocks.extend(piece.to_ndarray().mean(axis=0) for piece in resampler.resample(frame))
        if blocks:
            blocks.extend(piece.to_ndarray().mean(axis=0) for piece in resampler.resample(None))
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    return Waveform(np.clip(samples, -1.0, 1.0)) if len(samples) else None


def decodable_streams(streams: Iterable[Any]) -> Iterator[Any]:
    """PyAV's streams without those of a codec that ffmpeg does not know."""
    return (stream for stream in streams if stream.codec_context is not None)


def video_stream(container: Any) -> Any:
    """The first picture stream that can be decoded and is no cover; ``None`` without one."""
    pictures = (s for s in decodable_streams(container.streams.video) if not _is_cover(s))
    return next(pictures, None)


def audio_stream(container: Any) -> Any:
    """The first sound stream that can be decoded; ``None`` without one."""
    return next(decodable_streams(container.streams.audio), None)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    av = require("av", extra="media")
    av.logging.set_level(None)  # what goes wrong is said below, in our own words
    try:
        container = av.open(str(path), options={"format_whitelist": ",".join(FORMATS)})
    except FileNotFoundError as error:
        raise MediaError(f"{path}: does not exist; check the path") from error
    except IsADirectoryError as error:
        raise MediaError(f"{path}: is a folder, not a file; name a file inside it") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaError(f"{path}: is no readable media file ({reason}); {REMEDY}") from error
    with container:
        yield container


def _decoded(container: Any, stream: Any, path: Path) -> Iterator[Any]:
    """Every frame of the stream; damage is stepped over and logged once."""
    av = require("av", extra="media")
    stream.thread_type = "AUTO"
    damaged = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
            yield from packet.decode()
        except StopIteration:
            break
        except (av.error.EOFError, av.error.FFmpegError) as error:
            damaged += 1
            log.debug("%s: %s", path, error)
            if not isinstance(error, av.error.InvalidDataError):
                break
    if damaged:
        log.warning("%s: %d damaged stretch(es) of %s skipped", path, damaged, stream.type)


def _is_cover(stream: Any) -> bool:
    return "attached_pic" in str(stream.disposition).lower()


def _sound_decodes(path: Path) -> bool:
    with _opened(path) as container:
        return next(_decoded(container, audio_stream(container), path), None) is not None


def _start_s(container: Any) -> float:
    return float(container.start_time or 0) / 1e6


def _duration_s(container: Any, *streams: Any) -> float:
    if container.duration:
        return float(container.duration) / 1e6
    known = [float(s.duration * s.time_base) for s in streams if s is not None and s.duration]
    return max(known, default=0.0)


def _time_s(frame: Any, index: int, stream: Any) -> float:
    """Presentation time; counted where the container gives none, as raw streams do."""
    if frame.time is not None:
        return float(frame.time)
    return index / float(stream.average_rate or stream.guessed_rate or 25)


def _clockwise_deg(frame: Any) -> int:
    return round(-frame.rotation / 90) % 4 * 90  # PyAV counts counterclockwise


def to_upright_rgb(frame: Any, converter: Any) -> NDArray[np.uint8]:
    """RGB as shown, shape ``(height, width, 3)``, of a decoded picture."""
    picture = converter.reformat(frame, format="rgb24").to_ndarray()
    return np.ascontiguousarray(np.rot90(picture, k=-_clockwise_deg(frame) // 90))
