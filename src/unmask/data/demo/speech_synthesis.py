"""Speech synthesis from random syllables, with a mouth movement that matches the sound.

Source-filter model (Fant, "Acoustic Theory of Speech Production", 1960): harmonics of a varying
pitch weighted by the formants of the vowel, and noise for the consonants.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from unmask.records import RATE_HZ

# first three formants in Hz (adult male, Peterson & Barney 1952) and relative mouth opening
VOWELS = {
    "a": ((730, 1090, 2440), 1.0),
    "e": ((530, 1840, 2480), 0.65),
    "i": ((270, 2290, 3010), 0.35),
    "o": ((570, 840, 2410), 0.75),
    "u": ((300, 870, 2240), 0.3),
}
BANDWIDTHS_HZ = (80.0, 100.0, 140.0)
MAX_HARMONIC_HZ = 7600
EPS = 1e-9


@dataclass(frozen=True, slots=True)
class Voice:
    """Parameters of a speaker's voice.

    Attributes:
        pitch_hz: Mean fundamental frequency.
        tract: Scale of all formants; above 1 for a short vocal tract.
        breath: Share of noise in the vowels, in ``[0, 1]``.
        tilt_db: Decrease of the source spectrum per octave.
    """

    pitch_hz: float
    tract: float
    breath: float
    tilt_db: float


@dataclass(frozen=True, slots=True)
class Syllable:
    """One consonant and one vowel.

    Attributes:
        vowel: One of ``VOWELS``.
        hiss_hz: Centre frequency of the consonant's noise.
        stress: Relative loudness and mouth opening, in ``[0, 1]``.
    """

    start_s: float
    end_s: float
    vowel: str
    hiss_hz: float
    stress: float


def sample_voice(rng: np.random.Generator) -> Voice:
    """Sample a voice."""
    return Voice(
        pitch_hz=float(rng.uniform(95, 230)),
        tract=float(rng.uniform(0.92, 1.18)),
        breath=float(rng.uniform(0.02, 0.10)),
        tilt_db=float(rng.uniform(7, 12)),
    )


def sample_syllables(duration_s: float, rng: np.random.Generator) -> tuple[Syllable, ...]:
    """Sample phrases of syllables separated by pauses, after a leading silence."""
    time_s = float(rng.uniform(0.10, 0.35))
    syllables: list[Syllable] = []
    remaining = int(rng.integers(4, 8))  # syllables of the phrase
    while time_s < duration_s - 0.2:
        if remaining == 0:
            time_s += float(rng.uniform(0.18, 0.40))
            remaining = int(rng.integers(4, 8))
            continue
        end_s = min(time_s + float(rng.uniform(0.13, 0.26)), duration_s - 0.05)
        vowel = str(rng.choice(list(VOWELS)))
        syllables.append(
            Syllable(
                time_s, end_s, vowel, float(rng.uniform(1800, 6000)), float(rng.uniform(0.6, 1))
            )
        )
        time_s, remaining = end_s, remaining - 1
    return tuple(syllables)


def mouth_opening(
    syllables: tuple[Syllable, ...], time_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the opening of the mouth at each time, in ``[0, 1]``, shape of ``time_s``."""
    opening = np.zeros_like(time_s)
    for syllable in syllables:
        inside = (time_s >= syllable.start_s) & (time_s < syllable.end_s)
        phase = (time_s[inside] - syllable.start_s) / (syllable.end_s - syllable.start_s)
        opening[inside] = VOWELS[syllable.vowel][1] * syllable.stress * np.sin(np.pi * phase) ** 0.8
    return opening


def speak(
    voice: Voice, syllables: tuple[Syllable, ...], duration_s: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Synthesise ``syllables`` without room acoustics, shape ``(time,)`` at 16 kHz."""
    time_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    envelope = mouth_opening(syllables, time_s) ** 0.5
    pitch_hz = _pitch(voice, time_s, rng)
    formants = _formants(voice, syllables, time_s)  # (3, time)
    noise = rng.standard_normal(len(time_s))
    voiced = _harmonics(voice, pitch_hz, formants) * envelope
    breath = sosfilt(butter(2, 1500, "highpass", fs=RATE_HZ, output="sos"), noise) * envelope
    hiss = _consonants(syllables, time_s, noise)
    return (voiced + voice.breath * breath + 0.25 * hiss).astype(np.float32)


def add_room_acoustics(
    dry: NDArray[np.float32], level: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Add reverberation and background noise of a small room.

    Args:
        level: Loudness (RMS) of the reverberant speech.
    """
    decay_s = rng.uniform(0.08, 0.25)
    time_s = np.arange(round(0.4 * RATE_HZ)) / RATE_HZ
    tail = rng.standard_normal(len(time_s)) * 10 ** (-3 * time_s / decay_s) * 0.04
    tail[0] = 1.0
    wet = fftconvolve(dry, tail)[: len(dry)]
    wet = wet / max(float(np.sqrt(np.mean(wet**2))), EPS) * level
    spectrum = np.fft.rfft(rng.standard_normal(len(dry)))
    spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** 0.35
    background = np.fft.irfft(spectrum, len(dry))
    background *= level * rng.uniform(0.008, 0.03) / np.std(background)
    return np.clip(wet + background, -1, 1).astype(np.float32)


def _pitch(
    voice: Voice, time_s: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    declination = 1.08 - 0.12 * time_s / time_s[-1]
    intonation = sum(
        rng.uniform(0.01, 0.05) * np.sin(2 * np.pi * (rate * time_s + rng.uniform()))
        for rate in (0.4, 1.1, 2.3, 5.2)
    )
    jitter_s = np.arange(0, time_s[-1] + 0.02, 0.01)
    jitter = rng.normal(0, 0.006, int(time_s[-1] * 100) + 3)[: len(jitter_s)]
    return voice.pitch_hz * (declination + intonation + np.interp(time_s, jitter_s, jitter))


def _formants(
    voice: Voice, syllables: tuple[Syllable, ...], time_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    centres = [(syllable.start_s + syllable.end_s) / 2 for syllable in syllables]
    values = np.array([VOWELS[syllable.vowel][0] for syllable in syllables]).T * voice.tract
    return np.stack([np.interp(time_s, centres, row) for row in values])


def _harmonics(
    voice: Voice, pitch_hz: NDArray[np.float64], formants: NDArray[np.float64]
) -> NDArray[np.float64]:
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    samples = np.zeros_like(phase)
    for order in range(1, int(MAX_HARMONIC_HZ / pitch_hz.min())):
        freq = order * pitch_hz
        gain = 10 ** (-voice.tilt_db * np.log2(order) / 20)
        shape = sum(
            1 / (1 + ((freq - centre) / width) ** 2) * weight
            for centre, width, weight in zip(formants, BANDWIDTHS_HZ, (1.0, 0.7, 0.5), strict=True)
        )
        samples += (
            gain
            * (shape + 0.01)
            * (freq < MAX_HARMONIC_HZ)
            * np.cos(order * phase + 0.6 * order**1.5)
        )
    return samples


def _consonants(
    syllables: tuple[Syllable, ...], time_s: NDArray[np.float64], noise: NDArray[np.float64]
) -> NDArray[np.float64]:
    samples = np.zeros_like(noise)
    for syllable in syllables:
        first = int(max(syllable.start_s - 0.02, 0) * RATE_HZ)
        last = min(first + int(0.06 * RATE_HZ), len(noise))
        band = (syllable.hiss_hz * 0.8, min(syllable.hiss_hz * 1.25, 7800))
        hiss = sosfilt(butter(2, band, "bandpass", fs=RATE_HZ, output="sos"), noise[first:last])
        samples[first:last] += hiss * np.hanning(last - first) * syllable.stress
    return samples
