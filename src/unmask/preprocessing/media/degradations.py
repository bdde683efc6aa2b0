"""Degradations of faces and speech in memory: blur, noise, lossy codecs.

They serve as training augmentation and to measure robustness. Each function returns a new array
of the same shape and type: images are RGB, shape ``(frames, height, width, 3)``, uint8; audio is
16 kHz mono, shape ``(time,)``, float32.
"""

from collections.abc import Sequence
from fractions import Fraction
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.errors import ConfigError
from unmask.optional_deps import require
from unmask.preprocessing.media.encode import encode_audio, encode_video
from unmask.records import RATE_HZ

FPS = 25

Images = NDArray[np.uint8]
Samples = NDArray[np.float32]


def blur(faces: Images, sigma_px: float) -> Images:
    """Blur each image with a Gaussian of standard deviation ``sigma_px`` > 0."""
    blurred = np.empty(faces.shape, np.uint8)
    for index, face in enumerate(faces):
        blurred[index] = cv2.GaussianBlur(face, (0, 0), sigma_px)
    return blurred


def reencode_frames(faces: Images, codec: str, crf: int) -> Images:
    """Encode the images as video at 25 frames per second, and decode it.

    Args:
        faces: Images with even sides.
        codec: ``h264``, ``h264-intra``, ``h265``, ``vp9`` or ``av1``.
        crf: Constant rate factor on the codec's scale; lower is better.

    Raises:
        ConfigError: ``codec`` is unknown.
    """
    if not len(faces):
        return faces.copy()
    av = require("av", extra="media")
    file = BytesIO()
    frames = []
    for index, face in enumerate(faces):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(face), format="rgb24")
        frame = frame.reformat(format="yuv420p")
        frame.pts, frame.time_base = index, Fraction(1, FPS)
        frames.append(frame)
    encode_video(file, frames, codec, crf, FPS)
    file.seek(0)
    with av.open(file) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


def reencode_images(images: Sequence[Images], codec: str, quality: int) -> list[Images]:
    """Encode each image for itself, and decode it; the images may differ in size.

    Args:
        images: Each of shape ``(height, width, 3)``.
        codec: ``jpeg`` (4:2:0) or ``h264``, as key frames alone.
        quality: From 1 to 100 for JPEG, a constant rate factor for H.264.

    Raises:
        ConfigError: ``codec`` is unknown.
    """
    if codec == "jpeg":
        return [_reencode_jpeg(image, quality) for image in images]
    if codec != "h264":
        raise ConfigError(f"unknown image codec {codec!r}; use jpeg or h264")
    sides = np.array([image.shape[:2] for image in images])
    height, width = (sides.max(axis=0) + 1) // 2 * 2
    padded = np.stack([_pad_edges(image, height, width) for image in images])
    decoded = reencode_frames(padded, "h264-intra", quality)
    return [frame[:rows, :columns] for frame, (rows, columns) in zip(decoded, sides, strict=True)]


def _reencode_jpeg(image: Images, quality: int) -> Images:
    options = (cv2.IMWRITE_JPEG_QUALITY, quality)
    encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)[1]
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def _pad_edges(image: Images, height: int, width: int) -> Images:
    below, right = height - image.shape[0], width - image.shape[1]
    return cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE)


def add_noise(samples: Samples, snr_db: float, rng: np.random.Generator) -> Samples:
    """Add white noise at a signal-to-noise ratio of ``snr_db``; digital silence is unchanged.

    The result is clipped to ``[-1, 1]``.
    """
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    level = np.sqrt(power * 10 ** (-snr_db / 10))
    noise = rng.standard_normal(len(samples), dtype=np.float32) * np.float32(level)
    return np.clip(samples + noise, -1, 1)


def reencode_audio(samples: Samples, codec: str, kbit_per_s: int) -> Samples:
    """Encode and decode the audio; the result has the same length and is not delayed.

    Args:
        codec: ``aac`` or ``opus``.

    Raises:
        ConfigError: ``codec`` is unknown.
    """
    if not len(samples):
        return samples.copy()
    av = require("av", extra="media")
    file = BytesIO()
    encode_audio(file, samples, codec, kbit_per_s)
    file.seek(0)
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE_HZ)
    blocks = []
    with av.open(file) as container:
        for frame in container.decode(audio=0):
            frame.pts = None  # the resampler rejects timestamps that are off by one sample
            blocks.extend(resampler.resample(frame))
    blocks.extend(resampler.resample(None))
    decoded = np.concatenate([block.to_ndarray()[0] for block in blocks])[: len(samples)]
    return np.clip(np.pad(decoded, (0, len(samples) - len(decoded))), -1, 1)
