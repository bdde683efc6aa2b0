"""Silero VAD, the network alone, in numpy.

Silero Team, "Silero VAD", 2021–2026, https://github.com/snakers4/silero-vad (MIT). Weights
come from the `silero-vad` wheel. Its own code needs torch and sets torch's threads for the
whole process; these few layers need neither.
"""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from unmask.errors import MissingExtraError

CHUNK = 512  # samples of one probability, 32 ms at 16 kHz
CONTEXT = 64  # samples of the chunk before, put in front
BLOCK_CHUNKS = 1024  # convolved at once
FFT, HOP, BINS = 256, 128, 129

Array = NDArray[np.float32]


def speech_probabilities(samples: Array) -> Array:
    """Speech probability of each started 32 ms, shape ``(ceil(time / 512),)``.

    Args:
        samples: 16 kHz mono in ``[-1, 1]``, shape ``(time,)``.

    Raises:
        MissingExtraError: The wheel that brings the weights is not installed.
    """
    if not len(samples):
        return np.zeros(0, np.float32)
    weights = _weights()
    chunks = -(-len(samples) // CHUNK)
    padded = np.zeros(CONTEXT + chunks * CHUNK, np.float32)
    padded[CONTEXT : CONTEXT + len(samples)] = samples
    heard = np.lib.stride_tricks.sliding_window_view(padded, CONTEXT + CHUNK)[::CHUNK]
    features = [
        _encoded(heard[first : first + BLOCK_CHUNKS], weights)
        for first in range(0, chunks, BLOCK_CHUNKS)
    ]
    return _decoded(np.concatenate(features), weights)


def _encoded(chunks: Array, weights: dict[str, Array]) -> Array:
    """Spectrum and four convolutions, shape ``(chunks, 128)``."""
    padded = np.pad(chunks, ((0, 0), (0, CONTEXT)), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT, axis=1)[:, ::HOP]
    waves = frames @ weights["stft_conv.weight"][:, 0].T  # (chunks, 4, 2 · bins)
    hidden = np.hypot(waves[..., :BINS], waves[..., BINS:])
    for layer, stride in (("conv1", 1), ("conv2", 2), ("conv3", 2), ("conv4", 1)):
        kernel, bias = weights[f"{layer}.weight"], weights[f"{layer}.bias"]
        spread = np.pad(hidden, ((0, 0), (1, 1), (0, 0)))
        taps = np.lib.stride_tricks.sliding_window_view(spread, 3, axis=1)[:, ::stride]
        shape = taps.shape  # (chunks, steps, channels, 3)
        flat = taps.reshape(shape[0] * shape[1], -1) @ kernel.reshape(len(kernel), -1).T
        hidden = np.maximum(flat.reshape(shape[0], shape[1], -1) + bias, 0)
    return hidden[:, 0]


def _decoded(features: Array, weights: dict[str, Array]) -> Array:
    """One LSTM over the chunks, then a probability for each."""
    bias = weights["lstm_cell.bias_ih"] + weights["lstm_cell.bias_hh"]
    inputs = features @ weights["lstm_cell.weight_ih"].T + bias
    recurrent = np.ascontiguousarray(weights["lstm_cell.weight_hh"].T)
    hidden, memory = np.zeros(128, np.float32), np.zeros(128, np.float32)
    outputs = np.empty((len(features), 128), np.float32)
    for step, given in enumerate(inputs):
        gates = given + hidden @ recurrent  # input, forget, cell, output
        opened = _sigmoid(gates)
        memory = opened[128:256] * memory + opened[:128] * np.tanh(gates[256:384])
        hidden = opened[384:] * np.tanh(memory)
        outputs[step] = hidden
    scores = np.maximum(outputs, 0) @ weights["final_conv.weight"][0, :, 0]
    return _sigmoid(scores + weights["final_conv.bias"])


def _sigmoid(values: Array) -> Array:
    return (0.5 * (1 + np.tanh(0.5 * values))).astype(np.float32, copy=False)


@lru_cache(maxsize=1)
def _weights() -> dict[str, Array]:
    weights: dict[str, Array] = load_file(_folder() / "silero_vad_16k.safetensors")
    return weights


def _folder() -> Path:
    """Where the wheel keeps its weights; the package is found, not imported."""
    spec = find_spec("silero_vad")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            "silero_vad is missing; install it with: pip install 'unmask[media]', "
            "or set preprocessing.speech.method=energy"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "data"
