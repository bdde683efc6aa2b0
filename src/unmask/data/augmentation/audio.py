"""Audio transforms that keep the label; samples are 16 kHz mono, float32, shape ``(time,)``."""

import numpy as np
from numpy.typing import NDArray

from unmask.data.forgeries.voices import convert_voice
from unmask.data.time_scale import stretch
from unmask.records import RATE_HZ

Samples = NDArray[np.float32]

PIVOT_HZ = 1000.0  # the spectral tilt leaves this frequency unchanged
MIN_HZ = 50.0  # below it the tilt is constant


def time_stretch(
    samples: Samples, is_speech: NDArray[np.bool_], factor: float
) -> tuple[Samples, NDArray[np.bool_]]:
    """Change the duration by ``factor`` without changing the pitch, and the speech mask with it.

    The method of converted voices leaves artefacts; a detector of them learns to ignore these.
    """
    length = round(len(samples) * factor)
    if not length or length == len(samples):
        return samples, is_speech
    source = np.minimum((np.arange(length) / factor).astype(int), len(is_speech) - 1)
    return np.clip(stretch(samples, length), -1, 1).astype(np.float32), is_speech[source]


def pitch_shift(samples: Samples, semitones: float) -> Samples:
    """Shift the pitch; duration and loudness (RMS) stay the same.

    No sound moves by more than 10 ms.
    """
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
