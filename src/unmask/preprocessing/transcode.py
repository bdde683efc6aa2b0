"""A media file encoded again, as it happens to it on its way through the world.

The new file lies in the cache under a name made of the old file's bytes and of the cell, so work
that was broken off goes on, and the same bytes are never encoded twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from unmask.config.codec_conditions import CodecCondition
from unmask.errors import MediaError
from unmask.files import atomic_write
from unmask.optional_deps import require
from unmask.preprocessing.cache import Cache, Entry, cache_key
from unmask.preprocessing.hashing import file_sha256
from unmask.preprocessing.media.decode import iter_frames, probe, read_waveform, to_upright_rgb
from unmask.preprocessing.media.encode import TICKS_PER_S, encode_audio, encode_video

STAGE = "codecs"
VERSION = 2  # raise it when the encoders' options change
LEAST_ERROR = 1e-3  # grey levels squared: two pictures that are the same are 78 dB alike


@dataclass(frozen=True, slots=True)
class TranscodedClip:
    """A file that was encoded again.

    Attributes:
        path: The new file: picture and sound, or for a cell of sound the sound alone.
        psnr_db: Likeness of the brightness of all pictures, old and new; ``None`` where the
            picture was left alone.
    """

    path: Path
    psnr_db: float | None


def transcode(source: Path, cell: CodecCondition, cache: Cache) -> TranscodedClip | None:
    """Encode ``source`` again, or find that it was.

    Every picture keeps its time, is turned upright, and loses at most a row and a column where
    the sides are odd; its sound is kept without loss. A cell of sound takes the sound as the
    detector hears it, 16 kHz mono.

    Returns:
        ``None`` where there is no picture, or no sound, that the cell could change.

    Raises:
        MediaError: The file cannot be read as video or sound.
    """
    key = cache_key(STAGE, file_sha256(source), {"version": VERSION, "cell": cell.name})
    path = cache.path(STAGE, key).with_suffix(".m4a" if cell.is_audio else ".mp4")
    known = cache.load(STAGE, key)
    if known is None or (known.facts["made"] and not path.exists()):
        with atomic_write(path) as unfinished:
            facts = _sound(source, cell, unfinished) if cell.is_audio else None
            facts = _picture(source, cell, unfinished) if facts is None else facts
            if not facts["made"]:
                unfinished.unlink(missing_ok=True)
        known = Entry(facts, {})
        cache.save(STAGE, key, known)
    return TranscodedClip(path, known.facts["psnr_db"]) if known.facts["made"] else None


def _sound(source: Path, cell: CodecCondition, out: Path) -> dict[str, Any]:
    heard = read_waveform(source)
    if heard is not None:
        encode_audio(out, heard.samples, cell.codec, cell.level)
    return {"made": heard is not None, "psnr_db": None}


def _picture(source: Path, cell: CodecCondition, out: Path) -> dict[str, Any]:
    info = probe(source)
    if not info.has_video:
        return {"made": False, "psnr_db": None}
    heard = read_waveform(source) if info.has_audio else None
    scale = 2 if cell.half else 1
    size = (info.width // scale // 2 * 2, info.height // scale // 2 * 2)
    if not all(size):
        raise MediaError(f"{source}: {info.width} × {info.height} px is too small to encode again")
    samples = None if heard is None else heard.samples
    encode_video(out, _pictures(source, size), cell.codec, cell.level, info.fps, samples)
    return {"made": True, "psnr_db": _psnr_db(source, out, size)}


def _pictures(path: Path, size: tuple[int, int]) -> Iterator[Any]:
    """Upright 4:2:0 pictures of one size with ascending times from the container's start."""
    av = require("av", extra="media")
    converter = require("av.video.reformatter", extra="media").VideoReformatter()
    last_s = -np.inf
    for time_s, frame in iter_frames(path):
        if time_s <= last_s or time_s < 0:  # a damaged file may jump back, which no encoder takes
            continue
        last_s = time_s
        shown = frame
        if frame.rotation:
            shown = av.VideoFrame.from_ndarray(to_upright_rgb(frame, converter), format="rgb24")
        picture = shown.reformat(*size, format="yuv420p")
        picture.pts, picture.time_base = round(time_s * TICKS_PER_S), Fraction(1, TICKS_PER_S)
        yield picture


def _psnr_db(old: Path, new: Path, size: tuple[int, int]) -> float:
    """At the new size, so that what shrinking took does not count."""
    squares, pixels = 0.0, 0
    for before, after in zip(_pictures(old, size), _pictures(new, size), strict=False):
        rows = size[1]  # brightness comes first, then the two planes of colour
        gap = before.to_ndarray()[:rows].astype(np.int16) - after.to_ndarray()[:rows]
        squares += float(np.square(gap, dtype=np.int32).sum(dtype=np.int64))
        pixels += gap.size
    return float(10 * np.log10(255**2 / max(squares / max(pixels, 1), LEAST_ERROR)))
