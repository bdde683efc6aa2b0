"""Forged voices: what a vocoder leaves of speech, and somebody else's voice.

Griffin & Lim, IEEE ASSP 1984, in the fast form of Perraudin et al., WASPAA 2013. Phase
vocoder: Flanagan & Golden, Bell System Technical Journal 1966.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require
from unmask.records import RATE_HZ

Sound = NDArray[np.float32]
MEL_BANDS = 80
ROUNDS = 32
HOP_SAMPLES = 200
WINDOW_SAMPLES = 800


def griffin_lim(samples: Sound, rng: np.random.Generator, *, quick: bool = False) -> Sound:
    """Keep 80 mel bands of magnitude and guess the phase, as neural speech of 2017 did.

    Args:
        quick: A fifth of the time: magnitudes by least squares that are cut off at 0, and half
            the rounds of guessing.
    """
    librosa = require("librosa", extra="media")
    mel = librosa.feature.melspectrogram(
        y=samples, sr=RATE_HZ, n_fft=WINDOW_SAMPLES, hop_length=HOP_SAMPLES, n_mels=MEL_BANDS
    )
    if quick:
        spectrum = np.sqrt(np.maximum(_from_mel() @ mel, 0))
    else:
        spectrum = librosa.feature.inverse.mel_to_stft(mel, sr=RATE_HZ, n_fft=WINDOW_SAMPLES)
    made = librosa.griffinlim(
        spectrum,
        n_iter=ROUNDS // 2 if quick else ROUNDS,
        hop_length=HOP_SAMPLES,
        random_state=int(rng.integers(2**31)),
    )
    return match_loudness(_as_long(made, len(samples)), samples)


@cache
def _from_mel() -> NDArray[np.float32]:
    """The pseudo-inverse of the mel bands, shape ``(frequencies, 80)``."""
    librosa = require("librosa", extra="media")
    bands = librosa.filters.mel(sr=RATE_HZ, n_fft=WINDOW_SAMPLES, n_mels=MEL_BANDS)
    return np.linalg.pinv(bands).astype(np.float32)


def convert_voice(samples: Sound, semitones: float) -> Sound:
    """Make somebody else of the speaker: pitch and formants moved by a phase vocoder.

    Args:
        samples: 16 kHz mono, shape ``(time,)``.
        semitones: Upwards where positive.
    """
    moved = require("librosa", extra="media").effects.pitch_shift(
        samples, sr=RATE_HZ, n_steps=semitones
    )
    return match_loudness(_as_long(moved, len(samples)), samples)


def swap_voice(samples: Sound, other: Sound) -> Sound:
    """Another person's speech, from its beginning, repeated if it is shorter; as loud."""
    return match_loudness(np.resize(other, len(samples)).astype(np.float32), samples)


def match_loudness(samples: Sound, example: Sound) -> Sound:
    """``samples`` at the loudness (RMS) of ``example``, held within ``[-1, 1]``."""
    now = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    wanted = float(np.sqrt(np.mean(np.square(example, dtype=np.float64))))
    return np.clip(samples * (wanted / max(now, 1e-9)), -1, 1).astype(np.float32)


def _as_long(samples: NDArray[np.float32], length: int) -> Sound:
    return np.asarray(np.pad(samples[:length], (0, max(length - len(samples), 0))), np.float32)
