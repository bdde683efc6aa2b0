"""One take of one person: pictures, landmarks and sound, before any camera or forger."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.data.demo.animation import FPS, Motion, pose_points, render, sample_motion
from unmask.data.demo.faces import Person, sample_face
from unmask.data.demo.speech_synthesis import (
    Voice,
    add_room_acoustics,
    draw_syllables,
    draw_voice,
    mouth_opening,
    speak,
)
from unmask.data.forgeries.methods import Footage
from unmask.preprocessing.speech.silero_vad import speech_probabilities

LOUDNESS = 0.08  # RMS of every clip


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody's face and voice."""

    person: Person
    voice: Voice


def identity(name: str, rng: np.random.Generator) -> Identity:
    """Somebody new."""
    return Identity(sample_face(name, rng), draw_voice(rng))


def record(who: Identity, duration_s: float, rng: np.random.Generator) -> Footage:
    """Let somebody talk: lips and voice come from the same syllables."""
    syllables = draw_syllables(duration_s, rng)
    frames = round(duration_s * FPS)
    motion = sample_motion(mouth_opening(syllables, (np.arange(frames) + 0.5) / FPS), rng)
    dry = speak(who.voice, syllables, duration_s, rng)
    return render_motion(who, motion, add_room_acoustics(dry, LOUDNESS, rng))


def render_motion(who: Identity, motion: Motion, samples: NDArray[np.float32]) -> Footage:
    """Somebody's face doing ``motion``."""
    count = len(motion.opening)
    return Footage(
        frames=[render(who.person, motion, i) for i in range(count)],
        landmarks=np.stack([pose_points(who.person, motion, i)[:68] for i in range(count)]),
        samples=samples,
    )


def speech_ratio(samples: NDArray[np.float32] | None) -> float:
    """Share of the time in which voice activity detection hears somebody."""
    return 0.0 if samples is None else float((speech_probabilities(samples) > 0.5).mean())


def add_sensor_noise(
    frames: Iterable[NDArray[np.uint8]], rng: np.random.Generator
) -> Iterator[NDArray[np.uint8]]:
    """Sensor noise over the whole frame; after any forgery, so that it tells nothing."""
    spread = rng.uniform(1.0, 2.2)
    for frame in frames:
        noise = rng.normal(0, spread, frame.shape[:2])[..., None]
        yield np.clip(np.rint(frame + noise), 0, 255).astype(np.uint8)
