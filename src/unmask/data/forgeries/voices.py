"""Voice forgeries: vocoded speech, converted voices and voice swaps.

Griffin & Lim, IEEE ASSP 1984, in the fast variant of Perraudin et al., WASPAA 2013.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from unmask.data.time_scale import shift_pitch
from unmask.optional_deps import require
from unmask.records import RATE_HZ

Samples = NDArray[np.float32]  # 16 kHz mono, shape (time,)
MEL_BANDS = 80
ITERATIONS = 32
HOP_SAMPLES = 200
WINDOW_SAMPLES = 800
EPS = 1e-9


def griffin_lim(samples: Samples, rng: np.random.Generator, *, quick: bool = False) -> Samples:
    """Vocode speech: reduce it to 80 mel bands and estimate the phase with Griffin-Lim.

    Args:
        quick: Run in a fifth of the time: magnitudes from the pseudo-inverse, clipped at 0, and
            half the iterations.

    Returns:
        As long and as loud as ``samples``.
    """
    librosa = require("librosa", extra="train")
    mel = librosa.feature.melspectrogram(
        y=samples, sr=RATE_HZ, n_fft=WINDOW_SAMPLES, hop_length=HOP_SAMPLES, n_mels=MEL_BANDS
    )
    if quick:
        spectrum = np.sqrt(np.maximum(_mel_pseudo_inverse() @ mel, 0))
    else:
        spectrum = librosa.feature.inverse.mel_to_stft(mel, sr=RATE_HZ, n_fft=WINDOW_SAMPLES)
    vocoded = librosa.griffinlim(
        spectrum,
        n_iter=ITERATIONS // 2 if quick else ITERATIONS,
        hop_length=HOP_SAMPLES,
        random_state=int(rng.integers(2**31)),
    )
    return match_loudness(fix_length(vocoded, len(samples)), samples)


@cache
def _mel_pseudo_inverse() -> NDArray[np.float32]:
    """Return the pseudo-inverse of the mel filter bank, shape ``(frequencies, 80)``."""
    librosa = require("librosa", extra="train")
    bands = librosa.filters.mel(sr=RATE_HZ, n_fft=WINDOW_SAMPLES, n_mels=MEL_BANDS)
    return np.linalg.pinv(bands).astype(np.float32)


def convert_voice(samples: Samples, semitones: float) -> Samples:
    """Change the speaker: shift pitch and formants; no sound moves by more than 10 ms.

    Args:
        semitones: Upwards if positive.

    Returns:
        As long and as loud as ``samples``.
    """
    return match_loudness(shift_pitch(samples, semitones), samples)


def swap_voice(samples: Samples, donor: Samples) -> Samples:
    """Return the donor's speech, repeated if necessary, as long and as loud as ``samples``."""
    return match_loudness(np.resize(donor, len(samples)).astype(np.float32), samples)


def match_loudness(samples: Samples, reference: Samples) -> Samples:
    """Scale ``samples`` to the loudness (RMS) of ``reference`` and clip them to ``[-1, 1]``."""
    source_rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    target_rms = float(np.sqrt(np.mean(np.square(reference, dtype=np.float64))))
    return np.clip(samples * (target_rms / max(source_rms, EPS)), -1, 1).astype(np.float32)


def fix_length(samples: Samples, length: int) -> Samples:
    """Trim the samples, or pad them with zeros, to ``length``.

    Example:
        >>> fix_length(np.array([0.5, 0.25, 0.125], np.float32), 2).tolist()
        [0.5, 0.25]
        >>> fix_length(np.array([0.5], np.float32), 3).tolist()
        [0.5, 0.0, 0.0]
    """
    return np.asarray(np.pad(samples[:length], (0, max(length - len(samples), 0))), np.float32)
