"""Filter bank: band-pass initialisation of a first convolution, and mel weights.

Ravanelli & Bengio, "Speaker Recognition from Raw Waveform with SincNet", SLT 2018: a first layer
of band-pass filters learns from far fewer clips than a randomly initialised one. Unlike in SincNet
the filters are only the initial weights; every coefficient is trained.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unmask.records import RATE_HZ

MIN_HZ = 80.0
MAX_HZ = 7600.0


def init_sinc_filters(conv: nn.Conv1d) -> None:
    """Fill ``conv`` in place with windowed cosines and sines, evenly spaced in mel.

    Args:
        conv: Convolution over raw 16 kHz sound with an even number of output channels; the first
            half becomes cosines.
    """
    bands = conv.out_channels // 2
    length = conv.kernel_size[0]
    low, high = (_mel(hz) for hz in (MIN_HZ, MAX_HZ))
    centres_hz = 700 * (10 ** (np.linspace(low, high, bands) / 2595) - 1)
    times_s = (np.arange(length) - (length - 1) / 2) / RATE_HZ
    angles = 2 * np.pi * centres_hz[:, None] * times_s
    filters = np.concatenate([np.cos(angles), np.sin(angles)]) * np.hanning(length + 2)[1:-1]
    filters /= np.sqrt((filters**2).sum(axis=1, keepdims=True))
    with torch.no_grad():
        conv.weight.copy_(torch.from_numpy(filters[:, None]))


def mel_filterbank(bands: int, fft_samples: int) -> NDArray[np.float64]:
    """Return weights that sum a power spectrum into overlapping mel bands; each row sums to 1.

    Returns:
        Shape ``(bands, fft_samples // 2 + 1)``.
    """
    low, high = (_mel(hz) for hz in (MIN_HZ, MAX_HZ))
    edges_hz = 700 * (10 ** (np.linspace(low, high, bands + 2) / 2595) - 1)
    bins_hz = np.arange(fft_samples // 2 + 1) * RATE_HZ / fft_samples
    below, centre, above = (edges_hz[shift : shift + bands, None] for shift in range(3))
    rise, fall = (bins_hz - below) / (centre - below), (above - bins_hz) / (above - centre)
    weights = np.clip(np.minimum(rise, fall), 0, None)
    # a band narrower than an FFT bin takes the bin nearest to its centre
    empty = weights.sum(axis=1) < 1e-6
    weights[empty, np.abs(bins_hz - centre[empty]).argmin(axis=1)] = 1.0
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))
