"""What happens to pictures and sound on their way through the world, done in memory.

Used while training, to make a detector indifferent to it, and to measure whether it is. Each
function gives a new array of the shape and type it was given: pictures are RGB, shape
``(frames, height, width, 3)``, uint8; sound is 16 kHz mono, shape ``(time,)``, float32.
"""

from collections.abc import Callable
from fractions import Fraction
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require
from unmask.preprocessing.media.encode import encode_audio, encode_video
from unmask.records import RATE_HZ

FPS = 25

Pictures = NDArray[np.uint8]
Samples = NDArray[np.float32]


def blur(faces: Pictures, sigma_px: float) -> Pictures:
    """Blur with a Gaussian of standard deviation ``sigma_px``, which must be above 0."""
    return _each(faces, lambda face: np.asarray(cv2.GaussianBlur(face, (0, 0), sigma_px)))


def reencode_frames(faces: Pictures, codec: str, crf: int) -> Pictures:
    """Encode the pictures as a film at 25 frames a second, and decode it.

    Args:
        faces: With even sides.
        codec: ``h264``, ``h265``, ``vp9`` or ``av1``.
        crf: Constant quality on the codec's own scale; lower is better.

    Raises:
        ConfigError: There is no such codec.
    """
    if not len(faces):
        return faces.copy()
    av = require("av", extra="media")
    file = BytesIO()
    frames = []
    for number, face in enumerate(faces):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(face), format="rgb24")
        frame = frame.reformat(format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        frames.append(frame)
    encode_video(file, frames, codec, crf, FPS)
    file.seek(0)
    with av.open(file) as decoded:
        return np.stack([f.to_ndarray(format="rgb24") for f in decoded.decode(video=0)])


def add_noise(samples: Samples, snr_db: float, rng: np.random.Generator) -> Samples:
    """Add white noise that lies ``snr_db`` below the sound's mean power; silence stays silent.

    The result is clipped to ``[-1, 1]``.
    """
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    level = np.sqrt(power * 10 ** (-snr_db / 10))
    hiss = rng.standard_normal(len(samples), dtype=np.float32) * np.float32(level)
    return np.clip(samples + hiss, -1, 1)


def reencode_audio(samples: Samples, codec: str, kbit_per_s: int) -> Samples:
    """Encode the sound and decode it, neither shifted nor longer than it was.

    Args:
        codec: ``aac`` or ``opus``.

    Raises:
        ConfigError: There is no such codec.
    """
    if not len(samples):
        return samples.copy()
    av = require("av", extra="media")
    file = BytesIO()
    encode_audio(file, samples, codec, kbit_per_s)
    file.seek(0)
    to_mono = av.AudioResampler(format="fltp", layout="mono", rate=RATE_HZ)
    blocks = []
    with av.open(file) as decoded:
        for frame in decoded.decode(audio=0):
            frame.pts = None  # gaps of single samples would make the resampler complain
            blocks.extend(to_mono.resample(frame))
    blocks.extend(to_mono.resample(None))
    heard = np.concatenate([block.to_ndarray()[0] for block in blocks])[: len(samples)]
    return np.clip(np.pad(heard, (0, len(samples) - len(heard))), -1, 1)


def _each(faces: Pictures, through: Callable[[Pictures], Pictures]) -> Pictures:
    out = np.empty(faces.shape, np.uint8)
    for number, face in enumerate(faces):
        out[number] = through(face)
    return out
