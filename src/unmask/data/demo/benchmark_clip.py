"""Long genuine clip for benchmarks of speed and memory."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.data.demo.animation import FPS, render, sample_motion
from unmask.data.demo.recording import LOUDNESS, add_sensor_noise, sample_identity
from unmask.data.demo.speech_synthesis import (
    add_room_acoustics,
    mouth_opening,
    sample_syllables,
    speak,
)
from unmask.preprocessing.media.encode import encode_clip

LOOP_S = 30.0  # longer clips repeat the first half minute


def write_benchmark_clip(
    out: Path, seconds: float, size: tuple[int, int] = (1280, 720), seed: int = 0
) -> None:
    """Write a clip of one person who talks, 25 frames per second, H.264 and AAC.

    Args:
        out: The MP4 file.
        size: Width and height in pixels, both even.
    """
    rng = np.random.default_rng(seed)
    identity = sample_identity("speaker", rng)
    loop_s = min(seconds, LOOP_S)
    syllables = sample_syllables(loop_s, rng)
    motion = sample_motion(
        mouth_opening(syllables, (np.arange(round(loop_s * FPS)) + 0.5) / FPS), rng
    )
    loop = add_room_acoustics(speak(identity.voice, syllables, loop_s, rng), LOUDNESS, rng)
    count = round(seconds * FPS)

    def frames() -> Iterator[NDArray[np.uint8]]:
        for index in range(count):
            yield letterbox(render(identity.person, motion, index % len(motion.opening)), size)

    samples = np.resize(loop, round(seconds * len(loop) / loop_s))
    encode_clip(out, add_sensor_noise(frames(), rng), samples)


def letterbox(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Fit a square image into ``size`` (width, height) over a blurred copy of itself."""
    width, height = size
    side = min(width, height)
    large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
    boxed = cv2.resize(cv2.GaussianBlur(image, (0, 0), 12), size, interpolation=cv2.INTER_LINEAR)
    left, top = (width - side) // 2, (height - side) // 2
    boxed[top : top + side, left : left + side] = large
    return boxed
