"""Fixed inputs on which a converted network is compared with its original. NumPy alone."""

import numpy as np
from numpy.typing import NDArray

SIDE_PX = {"tf_efficientnet_lite2": 260}  # 224 for the others
OUTPUTS = 256  # that are compared


def make_reference_input(model: str) -> NDArray[np.float32]:
    """Return a normalised picture or log-mel bands, the same at every call.

    Args:
        model: ``whisper``, ``speecht5_hifigan``, ``aasist``, ``meso-4``, ``mesoinception-4``,
            ``sface``, or timm's name of the architecture.

    Returns:
        Shape ``(1, 3, side, side)``, ``(1, 80, 3000)`` for Whisper, ``(1, 120, 80)`` for HiFi-GAN,
        ``(8, 64600)`` for AASIST, ``(8, 3, 256, 256)`` in ``[0, 1]`` for MesoNet,
        ``(8, 3, 112, 112)`` in ``[0, 255]`` for SFace.
    """
    if model == "aasist":
        return _make_sounds()
    if model in ("meso-4", "mesoinception-4"):
        return _make_pictures()
    if model == "sface":
        return 255 * _make_pictures()[:, :, 72:184, 72:184]
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


def _make_sounds() -> NDArray[np.float32]:
    """Return chirps and bursts, each of another pitch and loudness."""
    number, sample = np.mgrid[0:8, 0:64_600]
    chirp = np.sin(sample * (0.01 + 0.02 * number) + 1e-6 * sample**2)
    burst = np.sin(sample / (900 + 150 * number)) ** 2
    value = chirp * burst / (1 + number) + np.sin(sample**2 / 7) / 50
    return value.astype(np.float32)


def _make_pictures() -> NDArray[np.float32]:
    """Return smooth shapes with stripes, each finer than the last."""
    number, channel, row, column = np.mgrid[0:8, 0:3, 0:256, 0:256]
    shape = np.sin((row - 128) * (column - 128) / 4000 + channel + number)
    stripes = np.sin(row * (1 + number) / 9 + column / 5)
    return (0.5 + 0.3 * shape + 0.2 * stripes).astype(np.float32)


def sample_output(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return ``OUTPUTS`` evenly spaced values of an output of any shape."""
    flat = np.asarray(values, np.float64).ravel()
    return flat[np.linspace(0, len(flat) - 1, OUTPUTS).round().astype(int)]
