"""A synthetic recording: frames, landmarks and sound of one person who talks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.data.demo.animation import FPS, Motion, pose_points, render, sample_motion
from unmask.data.demo.faces import Person, sample_face
from unmask.data.demo.speech_synthesis import (
    Voice,
    add_room_acoustics,
    mouth_opening,
    sample_syllables,
    sample_voice,
    speak,
)
from unmask.data.forgeries.methods import Footage
from unmask.preprocessing.speech.silero_vad import speech_probabilities

LOUDNESS = 0.08  # RMS of the speech in every recording
SPEECH_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Identity:
    """A person's face and voice."""

    person: Person
    voice: Voice


def sample_identity(name: str, rng: np.random.Generator) -> Identity:
    """Sample a face and a voice."""
    return Identity(sample_face(name, rng), sample_voice(rng))


def record(identity: Identity, duration_s: float, rng: np.random.Generator) -> Footage:
    """Sample a recording in which lips and voice follow the same syllables."""
    syllables = sample_syllables(duration_s, rng)
    frames = round(duration_s * FPS)
    motion = sample_motion(mouth_opening(syllables, (np.arange(frames) + 0.5) / FPS), rng)
    dry = speak(identity.voice, syllables, duration_s, rng)
    return render_motion(identity, motion, add_room_acoustics(dry, LOUDNESS, rng))


def render_motion(identity: Identity, motion: Motion, samples: NDArray[np.float32]) -> Footage:
    """Render the frames of a motion; the landmarks are exact.

    Args:
        samples: The sound of the footage.
    """
    person, frames = identity.person, range(len(motion.opening))
    return Footage(
        frames=[render(person, motion, frame) for frame in frames],
        landmarks=np.stack([pose_points(person, motion, frame)[:68] for frame in frames]),
        samples=samples,
    )


def speech_ratio(samples: NDArray[np.float32] | None) -> float:
    """Return the share of the time that voice activity detection marks as speech."""
    return (
        0.0 if samples is None else float((speech_probabilities(samples) > SPEECH_THRESHOLD).mean())
    )


def add_sensor_noise(
    frames: Iterable[NDArray[np.uint8]], rng: np.random.Generator
) -> Iterator[NDArray[np.uint8]]:
    """Add sensor noise of one level to all frames.

    It is added after any forgery, so that missing noise is no shortcut.
    """
    sigma = rng.uniform(1.0, 2.2)
    for frame in frames:
        noise = rng.normal(0, sigma, frame.shape[:2])[..., None]
        yield np.clip(np.rint(frame + noise), 0, 255).astype(np.uint8)
