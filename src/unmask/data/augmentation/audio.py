"""Audio transforms that keep the label; samples are 16 kHz mono, float32, shape ``(time,)``."""

import numpy as np
from numpy.typing import NDArray

from unmask.data.forgeries.voices import convert_voice, fix_length
from unmask.optional_deps import require
from unmask.records import RATE_HZ

Samples = NDArray[np.float32]

PIVOT_HZ = 1000.0  # the spectral tilt leaves this frequency unchanged
MIN_HZ = 50.0  # below it the tilt is constant


def time_stretch(
    samples: Samples, is_speech: NDArray[np.bool_], factor: float
) -> tuple[Samples, NDArray[np.bool_]]:
    """Change the duration by ``factor`` without changing the pitch, and the speech mask with it.

    The phase vocoder (Flanagan & Golden, Bell System Technical Journal 1966) leaves artefacts;
    a detector of converted voices learns to ignore them.
    """
    length = round(len(samples) * factor)
    if not length or length == len(samples):
        return samples, is_speech
    effects = require("librosa", extra="media").effects
    stretched = fix_length(effects.time_stretch(samples, rate=len(samples) / length), length)
    source = np.minimum((np.arange(length) / factor).astype(int), len(is_speech) - 1)
    return np.clip(stretched, -1, 1).astype(np.float32), is_speech[source]


def pitch_shift(samples: Samples, semitones: float) -> Samples:
    """Shift the pitch with a phase vocoder; duration and loudness (RMS) stay the same."""
    if not len(samples) or not semitones:
        return samples
    return convert_voice(samples, semitones)


def spectral_tilt(samples: Samples, db_per_octave: float) -> Samples:
    """Tilt the spectrum; the loudness (RMS) stays the same.

    Args:
        db_per_octave: Positive values amplify high frequencies.
    """
    if not len(samples) or not samples.any():
        return samples
    spectrum = np.fft.rfft(samples)
    hz = np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE_HZ), MIN_HZ)
    gains = 10 ** (db_per_octave / 20 * np.log2(hz / PIVOT_HZ))
    tilted = np.fft.irfft(spectrum * gains, len(samples))
    gain = np.sqrt(np.mean(np.square(samples, dtype=np.float64)) / np.mean(np.square(tilted)))
    return np.clip(tilted * gain, -1, 1).astype(np.float32)
