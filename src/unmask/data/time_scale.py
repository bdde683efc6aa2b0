"""Time stretch and pitch shift of speech that leave every sound where it is, within 10 ms.

WSOLA: Verhelst & Roelands, ICASSP 1993. Segments of the sound are added at another distance, each
taken from where it continues the one before best. A phase vocoder with windows that resolve the
pitch moves bursts by tens of milliseconds, so that they no longer fit the lips.
"""

import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require
from unmask.records import RATE_HZ

Samples = NDArray[np.float32]  # 16 kHz mono, shape (time,)

SEGMENT = 320  # samples, 20 ms
HOP = SEGMENT // 2
SEARCH = 100  # samples to each side, 6.25 ms; together the period of a voice of 80 Hz
MAX_PENALTY = 0.1  # on the correlation at the edge of the search; of equal places the nearest wins
EPS = 1e-9


def stretch(samples: Samples, length: int) -> Samples:
    """Change the duration without changing the pitch.

    Args:
        length: Number of samples of the result.

    Returns:
        What was at time ``t`` is within 10 ms of ``t`` times the change of the duration, for
        changes up to a tenth.
    """
    if not len(samples) or not length:
        return np.zeros(length, np.float32)
    margin = SEGMENT + SEARCH
    padded = np.pad(samples, (margin, margin + SEGMENT))
    window = np.hanning(SEGMENT + 1)[:-1].astype(np.float32)
    summed = np.zeros(length + 2 * SEGMENT, np.float32)
    previous: int | None = None
    for position in range(0, length + HOP, HOP):
        middle = min(round(position * len(samples) / length), len(samples))
        start = middle - HOP + margin
        if previous is not None:
            continuation = padded[previous + HOP : previous + HOP + SEGMENT]
            start += _best_shift(padded[start - SEARCH : start + SEARCH + SEGMENT], continuation)
        summed[position : position + SEGMENT] += window * padded[start : start + SEGMENT]
        previous = start
    return summed[HOP : HOP + length]


def shift_pitch(samples: Samples, semitones: float) -> Samples:
    """Shift pitch and formants without changing the duration.

    Args:
        semitones: Upwards if positive.

    Returns:
        As long as ``samples``; no sound moves by more than 10 ms, for up to five semitones.
    """
    if not len(samples):
        return samples
    ratio = 2 ** (semitones / 12)
    stretched = stretch(samples, round(len(samples) * ratio))
    shifted: Samples = require("librosa", extra="train").resample(
        stretched, orig_sr=RATE_HZ * ratio, target_sr=RATE_HZ
    )
    missing = max(len(samples) - len(shifted), 0)
    return np.pad(shifted[: len(samples)], (0, missing)).astype(np.float32)


def _best_shift(candidates: Samples, continuation: Samples) -> int:
    """Return the shift, up to ``SEARCH`` to each side, at which the sound continues best."""
    if len(continuation) < SEGMENT or not continuation.any():
        return 0
    energy = np.cumsum(np.square(candidates, dtype=np.float64))
    energies = energy[SEGMENT - 1 :] - np.append(0.0, energy[:-SEGMENT])
    products = np.correlate(candidates, continuation, "valid")
    likeness = products / np.sqrt(np.maximum(energies, 0) + EPS)
    distance = np.abs(np.arange(-SEARCH, SEARCH + 1)) / SEARCH
    preferred = np.maximum(likeness, 0) * (1 - MAX_PENALTY * distance) - EPS * distance
    return int(np.argmax(preferred)) - SEARCH
