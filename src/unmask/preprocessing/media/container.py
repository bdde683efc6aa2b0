"""Media containers: opening a file with PyAV, choosing its streams, decoding one of them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from unmask.errors import MediaError
from unmask.files import file_sha256
from unmask.optional_deps import require
from unmask.preprocessing.media.suffixes import FORMATS

MAX_SLIDES_PER_S = 1
NO_OPTIONS: Mapping[str, str] = {}
FileKey = tuple[Path, int, int, int]
REMEDY = "use a video or audio file that a player can open, or export it again"


def media_sha256(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, 64 hexadecimal digits.

    The process reads the file again only if its size, modification time or inode has changed.

    Raises:
        MediaError: ``path`` is missing, a folder, or not readable.
    """
    key = file_key(path)
    with media_errors(path):
        return _cached_sha256(key)


@lru_cache(maxsize=65_536)
def _cached_sha256(key: FileKey) -> str:
    return file_sha256(key[0])


def file_key(path: Path) -> FileKey:
    """Return path, size, modification time and inode, of which one differs once a file changes.

    Raises:
        MediaError: ``path`` does not exist or may not be read.
    """
    with media_errors(path):
        status = path.stat()
    return path.absolute(), status.st_size, status.st_mtime_ns, status.st_ino


def decoder_version() -> str:
    """Return major and minor version of PyAV, with which decoded values change."""
    version: str = require("av", extra="media").__version__
    return ".".join(version.split(".")[:2])


@contextmanager
def open_container(path: Path, options: Mapping[str, str] = NO_OPTIONS) -> Iterator[Any]:
    """Open a file with PyAV and yield the input container.

    Args:
        options: Of FFmpeg's demuxer.

    Raises:
        MediaError: ``path`` is missing, a folder, or not in one of ``FORMATS``.
    """
    av = require("av", extra="media")
    av.logging.set_level(None)  # errors are reported below instead
    with media_errors(path):
        try:
            container = av.open(
                str(path), options={**options, "format_whitelist": ",".join(FORMATS)}
            )
        except (FileNotFoundError, IsADirectoryError):
            raise
        except (av.error.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            message = f"{path}: is not a readable media file ({reason}); {REMEDY}"
            raise MediaError(message) from error
    with container:
        yield container


@contextmanager
def media_errors(path: Path) -> Iterator[None]:
    """Raise errors of the file system as :class:`MediaError`."""
    try:
        yield
    except FileNotFoundError as error:
        raise MediaError(f"{path}: does not exist; check the path") from error
    except IsADirectoryError as error:
        raise MediaError(f"{path}: is a folder, not a file; name a file inside it") from error
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror}); check its permissions"
        raise MediaError(message) from error


def decodable_streams(streams: Iterable[Any]) -> Iterator[Any]:
    """Yield the PyAV streams whose codec is known to FFmpeg."""
    return (stream for stream in streams if stream.codec_context is not None)


def video_stream(container: Any) -> Any:
    """Return the video stream to analyze, or ``None`` without a decodable one.

    It is the default track, else the first. Cover art and thumbnails are none, and tracks of slides
    come last.
    """
    default = require("av.stream", extra="media").Disposition.default
    return min(
        video_streams(container),
        key=lambda stream: (_shows_slides(stream), not stream.disposition & default),
        default=None,
    )


def video_streams(container: Any) -> list[Any]:
    """Return the decodable video streams that are neither cover art nor thumbnails."""
    streams = decodable_streams(container.streams.video)
    return [stream for stream in streams if not is_cover_art(stream)]


def _shows_slides(stream: Any) -> bool:
    return 0 < (stream.average_rate or 0) <= MAX_SLIDES_PER_S


def start_time_s(container: Any) -> float:
    """Return the timestamp at which the container starts, in seconds."""
    return float(container.start_time or 0) / 1e6


def is_cover_art(stream: Any) -> bool:
    """Return whether the video stream is a still picture that belongs to a sound file."""
    disposition = require("av.stream", extra="media").Disposition
    stills = disposition.attached_pic | disposition.timed_thumbnails
    return bool(stream.disposition & stills)
