"""Transcoding of media files, to simulate what happens to them on the way to a viewer.

Transcoded files are stored in the cache under a key made of the file's hash and the codec
condition, so that interrupted work resumes and no file is transcoded twice.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.config.codec_conditions import CodecCondition
from unmask.errors import MediaError
from unmask.files import atomic_write
from unmask.optional_deps import require
from unmask.preprocessing.cache import Cache, Entry, cache_key
from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.colour import demosaiced, from_rgb, matrix_of, to_upright_rgb
from unmask.preprocessing.media.container import decoder_version, media_sha256
from unmask.preprocessing.media.display import DisplayedFrame
from unmask.preprocessing.media.encode import TICKS_PER_S, encode_audio, encode_video
from unmask.preprocessing.media.frames import iter_frames
from unmask.preprocessing.media.probe import probe
from unmask.records import MediaInfo

STAGE = "codecs"
VERSION = 3  # increase when the options of the encoders change
ChangeFrame = Callable[[float, NDArray[np.uint8]], NDArray[np.uint8]]  # time in seconds, RGB
MIN_MSE = 1e-3  # in squared grey levels; limits the PSNR of equal frames to 78 dB


@dataclass(frozen=True, slots=True)
class TranscodedClip:
    """A transcoded file.

    Attributes:
        path: Video and audio; for an audio condition, audio alone.
        psnr_db: PSNR of the luma over all frames; ``None`` for an audio condition.
    """

    path: Path
    psnr_db: float | None


def transcode(source: Path, condition: CodecCondition, cache: Cache) -> TranscodedClip | None:
    """Transcode ``source`` under a codec condition, or return the file from the cache.

    Video conditions keep the timestamps of all frames, store the pictures as a player shows them,
    crop odd sides by one row or column, and store the audio without loss. Audio conditions encode
    16 kHz mono, which is the input of the detector.

    Returns:
        ``None`` if the file has no stream that the condition changes.

    Raises:
        MediaError: The file cannot be decoded, or its frames are too small to encode.
    """
    own = {"version": VERSION, "cell": condition.name, "av": decoder_version()}
    key = cache_key(STAGE, media_sha256(source), own)
    path = cache.path(STAGE, key).with_suffix(".m4a" if condition.is_audio else ".mp4")
    entry = cache.load(STAGE, key)
    if entry is None or (entry.facts["made"] and not cache.holds(path)):
        encode = _encode_audio if condition.is_audio else _encode_video
        with atomic_write(path) as unfinished:
            facts = encode(source, condition, unfinished)
            if not facts["made"]:
                unfinished.unlink(missing_ok=True)
        if facts["made"]:
            cache.upload(path)
        entry = Entry(facts, {})
        cache.save(STAGE, key, entry)
    return TranscodedClip(path, entry.facts["psnr_db"]) if entry.facts["made"] else None


def encode_changed(
    source: Path, condition: CodecCondition, target: Path, change: ChangeFrame
) -> None:
    """Encode a video whose frames were changed; audio is stored without loss.

    Args:
        condition: A video condition.
        target: File to write.
        change: Returns a changed frame of the same shape from time and upright RGB, shape
            ``(height, width, 3)``.

    Raises:
        MediaError: The file has no video, cannot be decoded, or is too small to encode.
    """
    info = probe(source)
    if not info.has_video:
        raise MediaError(f"{source} has no video to change; leave it out")
    size = _encoded_size(source, info, condition)
    samples = _read_samples(source, info)
    frames = _iter_changed_frames(source, size, 2 if condition.half else 1, change)
    encode_video(target, frames, condition.codec, condition.level, info.fps, samples)


def _encode_audio(source: Path, condition: CodecCondition, target: Path) -> dict[str, Any]:
    waveform = read_waveform(source)
    if waveform is not None:
        encode_audio(target, waveform.samples, condition.codec, condition.level)
    return {"made": waveform is not None, "psnr_db": None}


def _encode_video(source: Path, condition: CodecCondition, target: Path) -> dict[str, Any]:
    info = probe(source)
    if not info.has_video:
        return {"made": False, "psnr_db": None}
    size = _encoded_size(source, info, condition)
    samples = _read_samples(source, info)
    frames = _iter_resized_frames(source, size)
    encode_video(target, frames, condition.codec, condition.level, info.fps, samples)
    return {"made": True, "psnr_db": _psnr_db(source, target, size)}


def _encoded_size(source: Path, info: MediaInfo, condition: CodecCondition) -> tuple[int, int]:
    """Return the even width and height under a condition."""
    divisor = 2 if condition.half else 1
    size = (info.width // divisor // 2 * 2, info.height // divisor // 2 * 2)
    if not all(size):
        raise MediaError(
            f"{source}: {info.width} × {info.height} px is too small to transcode; "
            "use a larger video"
        )
    return size


def _read_samples(source: Path, info: MediaInfo) -> NDArray[np.float32] | None:
    waveform = read_waveform(source) if info.has_audio else None
    return None if waveform is None else waveform.samples


def _iter_ascending_frames(path: Path) -> Iterator[tuple[float, DisplayedFrame]]:
    """Yield frames with ascending times from the container's start."""
    last_s = -np.inf
    for time_s, shown in iter_frames(path):
        if time_s <= last_s or time_s < 0:  # in damaged files; encoders reject such times
            continue
        last_s = time_s
        yield time_s, shown


def _iter_changed_frames(
    path: Path, size: tuple[int, int], divisor: int, change: ChangeFrame
) -> Iterator[Any]:
    """Yield 4:2:0 frames of one size, changed at their full size without an odd row or column."""
    reformatter = require("av.video.reformatter", extra="media").VideoReformatter()
    width, height = size[0] * divisor, size[1] * divisor
    for time_s, shown in _iter_ascending_frames(path):
        image = to_upright_rgb(shown, reformatter)[:height, :width]
        frame = from_rgb(change(time_s, image), size)
        frame.pts, frame.time_base = round(time_s * TICKS_PER_S), Fraction(1, TICKS_PER_S)
        yield frame


def _iter_resized_frames(path: Path, size: tuple[int, int]) -> Iterator[Any]:
    """Yield 4:2:0 frames of one size as shown, with ascending times from the container's start."""
    reformatter = require("av.video.reformatter", extra="media").VideoReformatter()
    for time_s, shown in _iter_ascending_frames(path):
        if shown.is_stored_upright:
            resized = demosaiced(shown.frame).reformat(*size, format="yuv420p")
            if matrix_of(shown.frame) != matrix_of(resized):  # untagged, and no longer HD
                resized.colorspace = matrix_of(shown.frame)
        else:
            resized = from_rgb(to_upright_rgb(shown, reformatter), size)
        resized.pts, resized.time_base = round(time_s * TICKS_PER_S), Fraction(1, TICKS_PER_S)
        yield resized


def _psnr_db(source: Path, target: Path, size: tuple[int, int]) -> float:
    """Compute the PSNR at the new size, so that the loss by downscaling does not count."""
    squares, pixels = 0.0, 0
    pairs = zip(
        _iter_resized_frames(source, size), _iter_resized_frames(target, size), strict=False
    )
    for before, after in pairs:
        rows = size[1]  # the luma plane comes first, then the two chroma planes
        error = before.to_ndarray()[:rows].astype(np.int16) - after.to_ndarray()[:rows]
        squares += float(np.square(error, dtype=np.int32).sum(dtype=np.int64))
        pixels += error.size
    return float(10 * np.log10(255**2 / max(squares / max(pixels, 1), MIN_MSE)))
