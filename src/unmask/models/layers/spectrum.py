"""Windows of sound and their power spectra, in a form that ONNX has while a graph is exported.

ONNX has no complex numbers, and its exporter no windows of a signal of any length. Both are linear:
a convolution with the unit matrix, and a product with cosines and sines.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from unmask.models.layers.tracing import is_traced


def sliding_windows(x: Tensor, size: int, hop: int) -> Tensor:
    """Return windows of a signal, shape ``(B, windows, size)``.

    Args:
        x: Shape ``(B, S)``, ``S`` at least ``size``.
    """
    if not is_traced():
        return x.unfold(1, size, hop)
    return F.conv1d(x[:, None], torch.eye(size)[:, None], stride=hop).transpose(1, 2)


def power_spectrum(windows: Tensor, fft_samples: int) -> Tensor:
    """Return the power at each frequency, shape ``(…, fft_samples // 2 + 1)``.

    Args:
        windows: Real, shape ``(…, size)``, ``size`` at most ``fft_samples``.
    """
    if not is_traced():
        return torch.fft.rfft(windows, fft_samples).abs().square()
    frequencies = torch.arange(fft_samples // 2 + 1, dtype=torch.float64)
    times = torch.arange(windows.shape[-1], dtype=torch.float64)[:, None]
    angles = 2 * torch.pi * times * frequencies / fft_samples
    real, imaginary = (windows @ part.to(windows) for part in (angles.cos(), angles.sin()))
    return real.square() + imaginary.square()
