"""Spectral input features of speech models, in torch, so that attacks get their gradient.

Each row of a batch is computed as if it were alone: neither padding nor the other rows matter.
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from transformers.audio_utils import mel_filter_bank, window_function

from unmask.models.layers.spectrum import power_spectrum, sliding_windows
from unmask.records import RATE_HZ

WINDOW_SAMPLES, HOP_SAMPLES = 400, 160  # 25 ms every 10 ms
WHISPER_FLOOR, WHISPER_RANGE = 1e-10, 8.0  # of power; in powers of ten below the loudest cell
KALDI_FFT_SAMPLES, KALDI_SCALE = 512, 2.0**15  # Kaldi takes 16-bit samples
PREEMPHASIS = 0.97
KALDI_FLOOR, VARIANCE_EPS = 1.192092955078125e-07, 1e-7
SPEECH_SHARE = 0.5  # share of a window that has to be speech

Floats = NDArray[np.float64]


def whisper_log_mel(waveform: Tensor, frames: Tensor, bands: int) -> Tensor:
    """Return the log-mel spectrogram that Whisper takes.

    Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", ICML 2023. As
    there, the sound is mirrored before its first sample and followed by silence, and cells far
    below the loudest of the row are raised.

    Args:
        waveform: Zero outside of speech and in padding, shape ``(B, S)``, ``S`` above 200.
        frames: Number of frames of each row, shape ``(B,)``.
        bands: Mel bands: 80, or 128 in the largest models.

    Returns:
        Shape ``(B, bands, S // 160)``, 0 after a row's last frame.
    """
    with torch.autocast(waveform.device.type, enabled=False):
        half = WINDOW_SAMPLES // 2
        padded = F.pad(F.pad(waveform.float(), (half, 0), mode="reflect"), (0, half))
        window = torch.hann_window(WINDOW_SAMPLES, device=waveform.device)
        windows = sliding_windows(padded, WINDOW_SAMPLES, HOP_SAMPLES)
        power = power_spectrum(windows[:, :-1] * window, WINDOW_SAMPLES).transpose(1, 2)
        levels = (_like(power, _slaney_filters(bands)).T @ power).clamp(min=WHISPER_FLOOR).log10()
        mask = row_mask(frames, levels.shape[2])[:, None]
        loudest = levels.masked_fill(~mask, -torch.inf).amax((1, 2), keepdim=True)
        levels = (torch.maximum(levels, loudest - WHISPER_RANGE) + 4.0) / 4.0
        return levels.masked_fill(~mask, 0.0)


def kaldi_filterbank(waveform: Tensor, speech: Tensor, frames: Tensor, bands: int) -> Tensor:
    """Return the filter-bank features that w2v-BERT 2.0 takes.

    Barrault et al., "Seamless: Multilingual Expressive and Streaming Speech Translation", 2023;
    the features are those of Kaldi. Every band is scaled to mean 0 and variance 1 over the frames
    with speech.

    Args:
        waveform: Zero outside of speech and in padding, shape ``(B, S)``, ``S`` at least 400.
        speech: True where there is speech, shape ``(B, S)``.
        frames: Number of frames of each row, shape ``(B,)``.
        bands: Mel bands, 80 in the published model.

    Returns:
        Shape ``(B, 1 + (S - 400) // 160, bands)``, 0 without speech and after a row's last
            frame.
    """
    with torch.autocast(waveform.device.type, enabled=False):
        windows = sliding_windows(waveform.float() * KALDI_SCALE, WINDOW_SAMPLES, HOP_SAMPLES)
        windows = windows - windows.mean(2, keepdim=True)
        windows = windows - PREEMPHASIS * F.pad(windows[..., :-1], (1, 0), mode="replicate")
        # (B, frames, 257)
        power = power_spectrum(windows * _like(windows, _povey_window()), KALDI_FFT_SAMPLES)
        levels = (power @ _like(power, _kaldi_filters(bands))).clamp(min=KALDI_FLOOR).log()
        share = F.avg_pool1d(speech.float()[:, None], WINDOW_SAMPLES, HOP_SAMPLES)[:, 0]
        return _standardise(levels, (share >= SPEECH_SHARE) & row_mask(frames, levels.shape[1]))


def _standardise(levels: Tensor, mask: Tensor) -> Tensor:
    """Scale ``(B, frames, bands)`` over the frames of ``mask``, and set all others to 0."""
    wide = mask[..., None]
    count = wide.sum(1, keepdim=True)
    mean = levels.masked_fill(~wide, 0.0).sum(1, keepdim=True) / count.clamp(min=1)
    centred = (levels - mean).masked_fill(~wide, 0.0)
    variance = centred.square().sum(1, keepdim=True) / (count - 1).clamp(min=1)
    return centred / (variance + VARIANCE_EPS).sqrt()


def row_mask(frames: Tensor, length: int) -> Tensor:
    """Return True for the first ``frames`` of each row, shape ``(B, length)``."""
    return torch.arange(length, device=frames.device) < frames[:, None]


def _like(x: Tensor, values: Floats) -> Tensor:
    return torch.from_numpy(values).to(x)


# arrays are cached, not tensors, which a first call in inference mode would bar from training
@cache
def _slaney_filters(bands: int) -> Floats:
    frequencies = 1 + WINDOW_SAMPLES // 2
    return mel_filter_bank(
        frequencies, bands, 0.0, RATE_HZ / 2, RATE_HZ, norm="slaney", mel_scale="slaney"
    )


@cache
def _kaldi_filters(bands: int) -> Floats:
    return mel_filter_bank(
        1 + KALDI_FFT_SAMPLES // 2,
        bands,
        20.0,
        RATE_HZ / 2,
        RATE_HZ,
        mel_scale="kaldi",
        triangularize_in_mel_space=True,
    )


@cache
def _povey_window() -> Floats:
    return window_function(WINDOW_SAMPLES, "povey", periodic=False)
