"""Speech that never was: syllables to a mouth and a voice that agree by construction.

A source-filter voice (Fant, "Acoustic Theory of Speech Production", 1960): harmonics of a
moving pitch, weighted by the resonances of the vowel, noise for the consonants.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

RATE_HZ = 16_000
# first three formants in Hz (adult male, Peterson & Barney 1952) and how wide the mouth opens
VOWELS = {
    "a": ((730, 1090, 2440), 1.0),
    "e": ((530, 1840, 2480), 0.65),
    "i": ((270, 2290, 3010), 0.35),
    "o": ((570, 840, 2410), 0.75),
    "u": ((300, 870, 2240), 0.3),
}
BANDWIDTHS_HZ = (80.0, 100.0, 140.0)


@dataclass(frozen=True, slots=True)
class Voice:
    """How somebody sounds.

    Attributes:
        pitch_hz: Mean fundamental frequency.
        tract: Scale of all formants; a shorter vocal tract is above 1.
        breath: Share of noise in the vowels, in ``[0, 1]``.
        tilt_db: Fall of the source per octave.
    """

    pitch_hz: float
    tract: float
    breath: float
    tilt_db: float


@dataclass(frozen=True, slots=True)
class Syllable:
    """One consonant and one vowel; an empty vowel is a pause."""

    start_s: float
    end_s: float
    vowel: str
    hiss_hz: float
    stress: float


def draw_voice(rng: np.random.Generator) -> Voice:
    """A person's voice."""
    return Voice(
        pitch_hz=float(rng.uniform(95, 230)),
        tract=float(rng.uniform(0.92, 1.18)),
        breath=float(rng.uniform(0.02, 0.10)),
        tilt_db=float(rng.uniform(7, 12)),
    )


def draw_syllables(duration_s: float, rng: np.random.Generator) -> tuple[Syllable, ...]:
    """Phrases of syllables with pauses between, from a leading silence to the end."""
    time_s = float(rng.uniform(0.10, 0.35))
    spoken: list[Syllable] = []
    left = int(rng.integers(4, 8))
    while time_s < duration_s - 0.2:
        if left == 0:
            time_s += float(rng.uniform(0.18, 0.40))
            left = int(rng.integers(4, 8))
            continue
        end_s = min(time_s + float(rng.uniform(0.13, 0.26)), duration_s - 0.05)
        vowel = str(rng.choice(list(VOWELS)))
        spoken.append(
            Syllable(
                time_s, end_s, vowel, float(rng.uniform(1800, 6000)), float(rng.uniform(0.6, 1))
            )
        )
        time_s, left = end_s, left - 1
    return tuple(spoken)


def mouth_opening(
    syllables: tuple[Syllable, ...], time_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How far the mouth is open at each time, in ``[0, 1]``, shape of ``time_s``."""
    wide = np.zeros_like(time_s)
    for syllable in syllables:
        inside = (time_s >= syllable.start_s) & (time_s < syllable.end_s)
        place = (time_s[inside] - syllable.start_s) / (syllable.end_s - syllable.start_s)
        wide[inside] = VOWELS[syllable.vowel][1] * syllable.stress * np.sin(np.pi * place) ** 0.8
    return wide


def speak(
    voice: Voice, syllables: tuple[Syllable, ...], duration_s: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """The sound of ``syllables``, dry, shape ``(time,)`` at 16 kHz."""
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    loud = mouth_opening(syllables, time_s) ** 0.5
    pitch_hz = _pitch(voice, time_s, rng)
    formants = _formants(voice, syllables, time_s)  # (3, time)
    noise = rng.standard_normal(len(time_s))
    voiced = _harmonics(voice, pitch_hz, formants) * loud
    breath = sosfilt(butter(2, 1500, "highpass", fs=RATE_HZ, output="sos"), noise) * loud
    hiss = _consonants(syllables, time_s, noise)
    return (voiced + voice.breath * breath + 0.25 * hiss).astype(np.float32)


def add_room_acoustics(
    dry: NDArray[np.float32], level: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Reverberation and background noise of a small room, at a fixed loudness."""
    decay_s = rng.uniform(0.08, 0.25)
    time_s = np.arange(round(0.4 * RATE_HZ)) / RATE_HZ
    tail = rng.standard_normal(len(time_s)) * 10 ** (-3 * time_s / decay_s) * 0.04
    tail[0] = 1.0
    wet = fftconvolve(dry, tail)[: len(dry)]
    wet = wet / max(float(np.sqrt(np.mean(wet**2))), 1e-9) * level
    slope = np.fft.rfft(rng.standard_normal(len(dry)))
    slope /= np.maximum(np.arange(len(slope)), 1) ** 0.35
    floor = np.fft.irfft(slope, len(dry))
    floor *= level * rng.uniform(0.008, 0.03) / np.std(floor)
    return np.clip(wet + floor, -1, 1).astype(np.float32)


def _pitch(
    voice: Voice, time_s: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    fall = 1.08 - 0.12 * time_s / time_s[-1]
    swing = sum(
        rng.uniform(0.01, 0.05) * np.sin(2 * np.pi * (rate * time_s + rng.uniform()))
        for rate in (0.4, 1.1, 2.3, 5.2)
    )
    jitter = np.interp(
        time_s,
        np.arange(0, time_s[-1] + 0.02, 0.01),
        rng.normal(0, 0.006, int(time_s[-1] * 100) + 3)[
            : len(np.arange(0, time_s[-1] + 0.02, 0.01))
        ],
    )
    return voice.pitch_hz * (fall + swing + jitter)


def _formants(
    voice: Voice, syllables: tuple[Syllable, ...], time_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    centres = [(s.start_s + s.end_s) / 2 for s in syllables]
    values = np.array([VOWELS[s.vowel][0] for s in syllables]).T * voice.tract
    return np.stack([np.interp(time_s, centres, row) for row in values])


def _harmonics(
    voice: Voice, pitch_hz: NDArray[np.float64], formants: NDArray[np.float64]
) -> NDArray[np.float64]:
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    sound = np.zeros_like(phase)
    for order in range(1, int(7600 / pitch_hz.min())):
        freq = order * pitch_hz
        gain = 10 ** (-voice.tilt_db * np.log2(order) / 20)
        shape = sum(
            1 / (1 + ((freq - centre) / width) ** 2) * weight
            for centre, width, weight in zip(formants, BANDWIDTHS_HZ, (1.0, 0.7, 0.5), strict=True)
        )
        sound += gain * (shape + 0.01) * (freq < 7600) * np.cos(order * phase + 0.6 * order**1.5)
    return sound


def _consonants(
    syllables: tuple[Syllable, ...], time_s: NDArray[np.float64], noise: NDArray[np.float64]
) -> NDArray[np.float64]:
    out = np.zeros_like(noise)
    for syllable in syllables:
        first = int(max(syllable.start_s - 0.02, 0) * RATE_HZ)
        last = min(first + int(0.06 * RATE_HZ), len(noise))
        band = (syllable.hiss_hz * 0.8, min(syllable.hiss_hz * 1.25, 7800))
        part = sosfilt(butter(2, band, "bandpass", fs=RATE_HZ, output="sos"), noise[first:last])
        out[first:last] += part * np.hanning(last - first) * syllable.stress
    return out
