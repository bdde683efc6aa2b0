"""Encoding of frames and audio with PyAV.

``encode_clip`` writes the H.264 and AAC files of the generated data sets, so that genuine and
forged clips pass the same encoder. ``encode_video`` and ``encode_audio`` encode with the codecs
that degradations and transcoding name.

Encoders run on one thread where possible: clips are encoded in parallel, and x264 with several
threads may decide differently from run to run.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from unmask.errors import ConfigError
from unmask.files import atomic_write
from unmask.optional_deps import require
from unmask.preprocessing.media.colour import from_rgb
from unmask.records import RATE_HZ

THREADS = Path("/proc/self/task")  # on Linux
TICKS_PER_S = 90_000  # fine enough for the timestamps of any frame rate
COLOUR_TAGS = ("color_range", "colorspace", "color_primaries", "color_trc")
CLIP_CRF = 24
CLIP_AUDIO_BITS_PER_S = 32_000
AAC_BLOCK_SAMPLES = 1024

Samples = NDArray[np.float32]  # 16 kHz mono in [-1, 1], shape (time,)
Target = Path | BinaryIO
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class VideoEncoder:
    """An FFmpeg video encoder and its options."""

    library: str
    options: Mapping[str, str]


# Fast presets: the effect of a codec on faces matters, not the last bit of its efficiency
VIDEO_ENCODERS = {
    # x264's macroblock tree was seen to depend on uninitialised memory
    "h264": VideoEncoder(
        "libx264", {"preset": "veryfast", "threads": "1", "x264-params": "mbtree=0"}
    ),
    # key frames alone, for pictures that are no film; with qcomp=1 the quality of a picture depends
    # neither on its content nor on the pictures before it
    "h264-intra": VideoEncoder(
        "libx264",
        {"preset": "veryfast", "threads": "1", "g": "1", "x264-params": "mbtree=0:qcomp=1"},
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
# FFmpeg's encoder, and a container from which decoding starts at the first sample
AUDIO_ENCODERS = {"aac": ("aac", "mp4"), "opus": ("libopus", "ogg")}


def encode_clip(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    samples: Samples | None,
    fps: float = 25.0,
    crf: int = CLIP_CRF,
) -> None:
    """Write an MP4 with H.264 and AAC, atomically.

    Equal input gives equal bytes, except where x264's macroblock tree decides differently.

    Args:
        frames: RGB images of one shape ``(height, width, 3)`` with even sides; at least one.
        samples: 16 kHz mono in ``[-1, 1]``, shape ``(time,)``, or ``None`` for no audio.
        crf: Constant rate factor of x264; lower is better.
    """
    av = require("av", extra="media")
    images = iter(frames)
    first = next(images)
    with atomic_write(path) as unfinished, av.open(str(unfinished), "w", format="mp4") as out:
        rate = Fraction(fps).limit_denominator(1001)
        video = out.add_stream("libx264", rate=rate, options={"crf": str(crf), "threads": "1"})
        video.height, video.width = first.shape[:2]
        video.pix_fmt = "yuv420p"
        audio = None if samples is None else _InterleavedAudio(out, samples)
        for index, image in enumerate(chain((first,), images)):
            frame = from_rgb(image, (video.width, video.height))
            frame.pts, frame.time_base = index, 1 / rate
            out.mux(video.encode(frame))
            if audio is not None:
                audio.write_until(round((index + 1) / fps * RATE_HZ))
        out.mux(video.encode(None))
        if audio is not None:
            audio.finish()


class _InterleavedAudio:
    """AAC audio that is written alongside the video, so that players need not seek."""

    def __init__(self, out: Any, samples: Samples) -> None:
        self._out, self._samples, self._written = out, samples, 0
        self._stream = _add_audio_stream(out, "aac")
        self._stream.bit_rate = CLIP_AUDIO_BITS_PER_S

    def write_until(self, end: int) -> None:
        """Write whole blocks up to sample ``end``."""
        while self._written + AAC_BLOCK_SAMPLES <= min(end, len(self._samples)):
            self._write(self._samples[self._written : self._written + AAC_BLOCK_SAMPLES])

    def finish(self) -> None:
        """Write the remaining samples and flush the encoder."""
        self.write_until(len(self._samples))
        if self._written < len(self._samples):
            self._write(self._samples[self._written :])
        self._out.mux(self._stream.encode(None))

    def _write(self, block: Samples) -> None:
        frame = _audio_frame(block, self._written)
        frame.time_base = Fraction(1, RATE_HZ)
        self._out.mux(self._stream.encode(frame))
        self._written += len(block)


def encode_video(
    target: Target,
    frames: Iterable[Any],
    codec: str,
    crf: int,
    fps: float,
    samples: Samples | None = None,
) -> None:
    """Encode frames as MP4, with uncompressed audio.

    Args:
        frames: At least one PyAV frame, all of one size with even sides, format ``yuv420p``,
            each with its timestamp; the colour tags of the first are written to the file.
        codec: One of ``VIDEO_ENCODERS``.
        crf: Constant rate factor on the codec's scale; lower is better.
        samples: 16 kHz mono, starting at time 0, shape ``(time,)``.

    Raises:
        ConfigError: ``codec`` is unknown.
    """
    encoder = _find_codec(VIDEO_ENCODERS, "video", codec)
    remaining = iter(frames)
    first = next(remaining)
    with _open_output(target, "mp4") as out:
        video = _add_video_stream(out, encoder, crf, fps, first)
        audio = None if samples is None else _add_audio_stream(out, "pcm_f32le")
        for frame in chain((first,), remaining):
            frame.pts = round(frame.time * TICKS_PER_S)
            frame.time_base = Fraction(1, TICKS_PER_S)
            frame.pict_type = 0  # decoded frames carry a picture type, which x264 would obey
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if samples is not None:
            _write_audio(out, audio, samples)


def encode_audio(target: Target, samples: Samples, codec: str, kbit_per_s: int) -> None:
    """Encode 16 kHz mono audio, shape ``(time,)``, as a file without video.

    Args:
        codec: One of ``AUDIO_ENCODERS``.

    Raises:
        ConfigError: ``codec`` is unknown.
    """
    library, container = _find_codec(AUDIO_ENCODERS, "audio", codec)
    with _open_output(target, container) as out:
        stream = _add_audio_stream(out, library)
        stream.bit_rate = 1000 * kbit_per_s
        _write_audio(out, stream, samples)


def _find_codec(encoders: Mapping[str, T], kind: str, codec: str) -> T:
    if codec not in encoders:
        raise ConfigError(f"unknown {kind} codec {codec!r}; use one of {', '.join(encoders)}")
    return encoders[codec]


def _open_output(target: Target, container: str) -> Any:
    av = require("av", extra="media")
    av.logging.set_level(None)
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 logs errors only; it has no other switch
    return av.open(str(target) if isinstance(target, Path) else target, "w", format=container)


def _add_video_stream(out: Any, encoder: VideoEncoder, crf: int, fps: float, first: Any) -> Any:
    rate = Fraction(fps or 25.0).limit_denominator(1001)
    options = {**encoder.options, "crf": str(crf)}
    stream = out.add_stream(encoder.library, rate=rate, options=options)
    stream.width, stream.height, stream.pix_fmt = first.width, first.height, "yuv420p"
    context = stream.codec_context
    context.time_base = Fraction(1, TICKS_PER_S)
    context.bit_rate = 0  # libvpx would otherwise limit the quality by PyAV's default bit rate
    for tag in COLOUR_TAGS:
        setattr(context, tag, getattr(first, tag))
    with _preserve_scheduling():
        context.open()
    return stream


@contextmanager
def _preserve_scheduling() -> Iterator[None]:
    """Restore the scheduling policy of all threads after an encoder has started.

    SVT-AV1, when run by root, gives itself and the calling thread real-time priority. Other
    processes then get 5 % of the CPU, and a training process can deadlock on its workers.
    """
    if not THREADS.is_dir():
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for thread in THREADS.iterdir():
            with suppress(ProcessLookupError):
                if os.sched_getscheduler(int(thread.name)) != policy:
                    os.sched_setscheduler(int(thread.name), policy, parameters)


def _add_audio_stream(out: Any, library: str) -> Any:
    return out.add_stream(library, rate=RATE_HZ, layout="mono")


def _audio_frame(samples: Samples, start: int) -> Any:
    av = require("av", extra="media")
    frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts = RATE_HZ, start
    return frame


def _write_audio(out: Any, stream: Any, samples: Samples) -> None:
    """Encode all samples, in the sample format and block length that the encoder requires."""
    context = stream.codec_context
    resampler = require("av", extra="media").AudioResampler(
        format=context.codec.audio_formats[0].name,
        layout="mono",
        rate=RATE_HZ,
        frame_size=context.frame_size or None,
    )
    for block in (*resampler.resample(_audio_frame(samples, 0)), *resampler.resample(None)):
        out.mux(stream.encode(block))
    out.mux(stream.encode(None))
