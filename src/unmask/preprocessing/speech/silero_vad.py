"""Inference of the Silero voice activity detector in NumPy.

Silero Team, "Silero VAD", 2021–2026, https://github.com/snakers4/silero-vad (MIT). This package
carries the weights; their origin and licence are in ``networks/README.md``. Its own code requires
PyTorch and sets PyTorch's number of threads for the whole process; these few layers need neither.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from unmask.errors import WeightsError
from unmask.files import file_sha256

CHUNK = 512  # samples per probability, 32 ms at 16 kHz
CONTEXT = 64  # samples of the previous chunk that are prepended
BLOCK_CHUNKS = 1024  # chunks per convolution call
FFT, HOP, BINS = 256, 128, 129
WEIGHTS = Path(__file__).with_name("networks") / "silero_vad_16k.safetensors"
SHA256 = "c59271c284ae9c8335d795d60e0bfdb71aaaceec578d9bd9ffc1b8153c319ea1"

Array = NDArray[np.float32]


def speech_probabilities(samples: Array) -> Array:
    """Return the speech probability of each 32 ms chunk, shape ``(ceil(time / 512),)``.

    Args:
        samples: 16 kHz mono in ``[-1, 1]``, shape ``(time,)``.

    Raises:
        WeightsError: The file of the weights is missing or has another hash.
    """
    if not len(samples):
        return np.zeros(0, np.float32)
    weights = load_weights()
    chunks = -(-len(samples) // CHUNK)
    padded = np.zeros(CONTEXT + chunks * CHUNK, np.float32)
    padded[CONTEXT : CONTEXT + len(samples)] = samples
    inputs = np.lib.stride_tricks.sliding_window_view(padded, CONTEXT + CHUNK)[::CHUNK]
    features = [
        _encode(inputs[first : first + BLOCK_CHUNKS], weights)
        for first in range(0, chunks, BLOCK_CHUNKS)
    ]
    return _decode(np.concatenate(features), weights)


def _encode(chunks: Array, weights: dict[str, Array]) -> Array:
    """Compute the spectrum and four convolutions, shape ``(chunks, 128)``."""
    padded = np.pad(chunks, ((0, 0), (0, CONTEXT)), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT, axis=1)[:, ::HOP]
    # copied by reshape: NumPy does not hand overlapping rows to BLAS
    flat = frames.reshape(-1, FFT) @ weights["stft_conv.weight"][:, 0].T
    spectrum = flat.reshape(len(chunks), -1, 2 * BINS)
    hidden = np.hypot(spectrum[..., :BINS], spectrum[..., BINS:])
    for layer, stride in (("conv1", 1), ("conv2", 2), ("conv3", 2), ("conv4", 1)):
        kernel, bias = weights[f"{layer}.weight"], weights[f"{layer}.bias"]
        padded = np.pad(hidden, ((0, 0), (1, 1), (0, 0)))
        taps = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=1)[:, ::stride]
        shape = taps.shape  # (chunks, steps, channels, 3)
        flat = taps.reshape(shape[0] * shape[1], -1) @ kernel.reshape(len(kernel), -1).T
        hidden = np.maximum(flat.reshape(shape[0], shape[1], -1) + bias, 0)
    return hidden[:, 0]


def _decode(features: Array, weights: dict[str, Array]) -> Array:
    """Run the LSTM over the chunks, and return a probability for each."""
    bias = weights["lstm_cell.bias_ih"] + weights["lstm_cell.bias_hh"]
    inputs = features @ weights["lstm_cell.weight_ih"].T + bias
    recurrent = np.ascontiguousarray(weights["lstm_cell.weight_hh"].T)
    hidden, cell = np.zeros(128, np.float32), np.zeros(128, np.float32)
    outputs = np.empty((len(features), 128), np.float32)
    for step, row in enumerate(inputs):
        gates = row + hidden @ recurrent  # input, forget, cell, output
        activated = _sigmoid(gates)
        cell = activated[128:256] * cell + activated[:128] * np.tanh(gates[256:384])
        hidden = activated[384:] * np.tanh(cell)
        outputs[step] = hidden
    logits = np.maximum(outputs, 0) @ weights["final_conv.weight"][0, :, 0]
    return _sigmoid(logits + weights["final_conv.bias"])


def _sigmoid(values: Array) -> Array:
    return (0.5 * (1 + np.tanh(0.5 * values))).astype(np.float32, copy=False)


@lru_cache(maxsize=1)
def load_weights() -> dict[str, Array]:
    """Load the network's weights by layer.

    Raises:
        WeightsError: The file is missing or has another hash.
    """
    if not WEIGHTS.is_file() or file_sha256(WEIGHTS) != SHA256:
        raise WeightsError(f"{WEIGHTS}: is missing or damaged; install this package again")
    weights: dict[str, Array] = load_file(WEIGHTS)
    return weights
