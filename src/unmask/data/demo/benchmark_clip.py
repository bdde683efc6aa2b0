"""One long genuine clip, for measuring speed and memory."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.data.demo.animation import FPS, render, sample_motion
from unmask.data.demo.recording import LOUDNESS, add_sensor_noise, identity
from unmask.data.demo.speech_synthesis import (
    add_room_acoustics,
    draw_syllables,
    mouth_opening,
    speak,
)
from unmask.data.encode import encode

LOOP_S = 30.0  # a longer clip shows the same half minute again


def write_benchmark_clip(
    out: Path, seconds: float, size: tuple[int, int] = (1280, 720), seed: int = 0
) -> None:
    """Write a clip of one person talking, 25 frames a second, H.264 and AAC.

    Args:
        size: Width and height, even.
    """
    rng = np.random.default_rng(seed)
    who = identity("speaker", rng)
    loop_s = min(seconds, LOOP_S)
    syllables = draw_syllables(loop_s, rng)
    motion = sample_motion(
        mouth_opening(syllables, (np.arange(round(loop_s * FPS)) + 0.5) / FPS), rng
    )
    sound = add_room_acoustics(speak(who.voice, syllables, loop_s, rng), LOUDNESS, rng)
    count = round(seconds * FPS)

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for index in range(count):
            yield letterbox(render(who.person, motion, index % len(motion.opening)), size)

    samples = np.resize(sound, round(seconds * len(sound) / loop_s))
    encode(out, add_sensor_noise(pictures(), rng), samples)


def letterbox(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture as large as it fits, before a soft continuation of itself."""
    width, height = size
    side = min(width, height)
    large = cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC)
    out = cv2.resize(cv2.GaussianBlur(picture, (0, 0), 12), size, interpolation=cv2.INTER_LINEAR)
    left, top = (width - side) // 2, (height - side) // 2
    out[top : top + side, left : left + side] = large
    return out
