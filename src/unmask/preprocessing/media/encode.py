"""The encoders that pictures and sound are sent through, by the short names of the settings.

Presets are quick ones: what matters is what a codec does to a face, not the last bit. Every
encoder runs on one thread where it can be told so: several clips are at work side by side,
and x264 may decide differently from run to run with more.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from unmask.config.validators import among
from unmask.optional_deps import require
from unmask.records import RATE_HZ

TASKS = Path("/proc/self/task")  # threads, where the system is Linux
TICKS_PER_S = 90_000  # fine enough to keep the times of any frame rate
TAGS = ("color_range", "colorspace", "color_primaries", "color_trc")
# ffmpeg's encoder, and the container in which a decoder starts on the very first sample
SOUND_ENCODERS = {"aac": ("aac", "mp4"), "opus": ("libopus", "ogg")}

Target = Path | BinaryIO


@dataclass(frozen=True, slots=True)
class VideoEncoder:
    """One of ffmpeg's encoders."""

    library: str
    options: Mapping[str, str]


PICTURE_ENCODERS = {
    # x264's macroblock tree was seen to decide differently, depending on what lay in memory before
    "h264": VideoEncoder(
        "libx264", {"preset": "veryfast", "threads": "1", "x264-params": "mbtree=0"}
    ),
    "h265": VideoEncoder(
        "libx265",
        {"preset": "veryfast", "x265-params": "log-level=none:pools=1:frame-threads=1"},
    ),
    "vp9": VideoEncoder(
        "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "b:v": "0", "threads": "1"}
    ),
    "av1": VideoEncoder("libsvtav1", {"preset": "10", "svtav1-params": "lp=1"}),
}


def encode_video(
    target: Target,
    pictures: Iterable[Any],
    codec: str,
    crf: int,
    fps: float,
    samples: NDArray[np.float32] | None = None,
) -> None:
    """Encode pictures into an MP4, with the sound beside them exactly as it is.

    Args:
        pictures: At least one PyAV frame, all of one size with even sides, format
            ``yuv420p``, each with its time; the colour space of the first is written down.
        codec: Of ``PICTURE_ENCODERS``.
        crf: Constant quality on the codec's own scale; lower is better.
        samples: 16 kHz mono from time 0 on, shape ``(time,)``; kept without loss.

    Raises:
        ConfigError: There is no such codec.
    """
    among("picture codec", codec, tuple(PICTURE_ENCODERS))
    frames = iter(pictures)
    first = next(frames)
    with _written(target, "mp4") as out:
        stream = _picture_stream(out, PICTURE_ENCODERS[codec], crf, fps, first)
        sound = None if samples is None else _sound_stream(out, "pcm_f32le")
        for frame in chain((first,), frames):
            frame.pts = round(frame.time * TICKS_PER_S)
            frame.time_base = Fraction(1, TICKS_PER_S)
            frame.pict_type = 0  # a decoded one says of what kind it was, and x264 would obey
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if samples is not None:
            _write_sound(out, sound, samples)


def encode_audio(target: Target, samples: NDArray[np.float32], codec: str, kbit_per_s: int) -> None:
    """Encode 16 kHz mono sound, shape ``(time,)``, as a file without a picture.

    Args:
        codec: Of ``SOUND_ENCODERS``.

    Raises:
        ConfigError: There is no such codec.
    """
    among("sound codec", codec, tuple(SOUND_ENCODERS))
    library, container = SOUND_ENCODERS[codec]
    with _written(target, container) as out:
        stream = _sound_stream(out, library)
        stream.bit_rate = 1000 * kbit_per_s
        _write_sound(out, stream, samples)


def _written(target: Target, container: str) -> Any:
    av = require("av", extra="media")
    av.logging.set_level(None)
    os.environ.setdefault("SVT_LOG", "1")  # errors alone; it cannot be told in another way
    place = str(target) if isinstance(target, Path) else target
    return av.open(place, "w", format=container)


def _picture_stream(out: Any, encoder: VideoEncoder, crf: int, fps: float, first: Any) -> Any:
    options = {**encoder.options, "crf": str(crf)}
    rate = Fraction(fps or 25.0).limit_denominator(1001)
    stream = out.add_stream(encoder.library, rate=rate, options=options)
    stream.width, stream.height, stream.pix_fmt = first.width, first.height, "yuv420p"
    context = stream.codec_context
    context.time_base = Fraction(1, TICKS_PER_S)
    context.bit_rate = 0  # libvpx would hold PyAV's default against the quality asked for
    for name in TAGS:
        setattr(context, name, getattr(first, name))
    with _preserve_scheduling():
        context.open()
    return stream


@contextmanager
def _preserve_scheduling() -> Iterator[None]:
    """Take back what an encoder does to the scheduling of its threads, and of who calls it.

    Run by root, SVT-AV1 makes the calling thread and its own real-time ones, which leave every
    other process of the machine a twentieth of the processors, and a training that goes on in
    such a thread waits for its helpers forever.
    """
    if not TASKS.is_dir():
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for thread in TASKS.iterdir():
            with suppress(ProcessLookupError):
                if os.sched_getscheduler(int(thread.name)) != before[0]:
                    os.sched_setscheduler(int(thread.name), *before)


def _sound_stream(out: Any, library: str) -> Any:
    return out.add_stream(library, rate=RATE_HZ, layout="mono")


def _write_sound(out: Any, stream: Any, samples: NDArray[np.float32]) -> None:
    av = require("av", extra="media")
    frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts = RATE_HZ, 0
    context = stream.codec_context
    # the encoder's own sample format, in blocks of the length that it takes
    fitting = av.AudioResampler(
        format=context.codec.audio_formats[0].name,
        layout="mono",
        rate=RATE_HZ,
        frame_size=context.frame_size or None,
    )
    for block in (*fitting.resample(frame), *fitting.resample(None)):
        out.mux(stream.encode(block))
    out.mux(stream.encode(None))
