"""What speech may sound like without its label changing. Sound is 16 kHz mono, float32."""

import numpy as np
from numpy.typing import NDArray

from unmask.data.forgeries.voices import convert_voice
from unmask.optional_deps import require
from unmask.records import RATE_HZ

Sound = NDArray[np.float32]

TILT_FROM_HZ = 1000.0  # stays as loud as it was, before the whole is brought to its old level
LOWEST_HZ = 50.0  # below it the tilt goes no further


def time_stretch(
    samples: Sound, is_speech: NDArray[np.bool_], factor: float
) -> tuple[Sound, NDArray[np.bool_]]:
    """Make the sound last ``factor`` times as long at the same pitch; the speech mask follows.

    A phase vocoder (Flanagan & Golden, Bell System Technical Journal 1966), so it leaves traces
    of its own: a detector of converted voices learns to overlook them.
    """
    length = round(len(samples) * factor)
    if not length or length == len(samples):
        return samples, is_speech
    effects = require("librosa", extra="media").effects
    made = effects.time_stretch(samples, rate=len(samples) / length)[:length]
    made = np.pad(made, (0, length - len(made)))
    then = np.minimum((np.arange(length) / factor).astype(int), len(is_speech) - 1)
    return np.clip(made, -1, 1).astype(np.float32), is_speech[then]


def pitch_shift(samples: Sound, semitones: float) -> Sound:
    """Another pitch, as long and as loud as before; by the phase vocoder of :func:`stretched`."""
    if not len(samples) or not semitones:
        return samples
    return convert_voice(samples, semitones)


def spectral_tilt(samples: Sound, db_per_octave: float) -> Sound:
    """A brighter or duller recording: the spectrum tilted, the loudness (RMS) kept.

    Args:
        db_per_octave: Above 0, high frequencies grow.
    """
    if not len(samples) or not samples.any():
        return samples
    spectrum = np.fft.rfft(samples)
    hz = np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE_HZ), LOWEST_HZ)
    gains = 10 ** (db_per_octave / 20 * np.log2(hz / TILT_FROM_HZ))
    made = np.fft.irfft(spectrum * gains, len(samples))
    level = np.sqrt(np.mean(np.square(samples, dtype=np.float64)) / np.mean(np.square(made)))
    return np.clip(made * level, -1, 1).astype(np.float32)
