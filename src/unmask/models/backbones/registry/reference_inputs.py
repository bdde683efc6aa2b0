"""Fixed inputs on which a converted network is compared with its original. NumPy alone."""

import numpy as np
from numpy.typing import NDArray

SIDE_PX = {"tf_efficientnet_lite2": 260}  # 224 for the others
OUTPUTS = 256  # that are compared


def make_reference_input(model: str) -> NDArray[np.float32]:
    """Return a normalised picture or log-mel bands, the same at every call.

    Args:
        model: ``whisper``, ``speecht5_hifigan``, or timm's name of the architecture.

    Returns:
        Shape ``(1, 3, side, side)``, ``(1, 80, 3000)`` for Whisper, ``(1, 120, 80)`` for HiFi-GAN.
    """
    if model == "speecht5_hifigan":
        step, band = np.mgrid[0:120, 0:80]
        value = 2 * np.sin(step / 11 + band / 3) * np.cos(step / 29) - 3 - band / 25
        return value.astype(np.float32)[None]
    if model == "whisper":
        band, step = np.mgrid[0:80, 0:3000]
        value = np.sin(step / 37 + band / 5) * np.cos(step / 211) - band / 160
        return value.astype(np.float32)[None]
    side = SIDE_PX.get(model, 224)
    channel, row, column = (
        np.mgrid[0:3, 0:side, 0:side] / np.array([1, side, side])[:, None, None, None]
    )
    value = np.sin(9 * row + channel) * np.cos(23 * column * row) + np.sin(61 * column) / 4
    return (1.5 * value).astype(np.float32)[None]


def sample_output(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return ``OUTPUTS`` evenly spaced values of an output of any shape."""
    flat = np.asarray(values, np.float64).ravel()
    return flat[np.linspace(0, len(flat) - 1, OUTPUTS).round().astype(int)]
