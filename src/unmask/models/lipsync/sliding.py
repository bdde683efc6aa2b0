"""Sliding means over time, by which lip-sync networks normalise mouths and sound."""

import torch
from torch import Tensor


def sliding_mean(x: Tensor, reach: int | None) -> Tensor:
    """Return the mean over the steps at most ``reach`` before or after each step.

    Args:
        x: Time is the second axis, shape ``(B, T, …)``.
        reach: ``None`` for the mean over all of time.

    Returns:
        Shape of ``x``; ``(B, 1, …)`` without ``reach``.

    Example:
        >>> sliding_mean(torch.tensor([[0.0, 1.0, 5.0, 3.0]]), 1)
        tensor([[0.5000, 2.0000, 3.0000, 4.0000]])
    """
    if reach is None:
        return x.mean(dim=1, keepdim=True)
    steps = torch.arange(x.shape[1], device=x.device)
    first, end = (steps - reach).clamp(min=0), (steps + reach + 1).clamp(max=x.shape[1])
    # the sums of a long span need more digits than its means
    sums = torch.cat([torch.zeros_like(x[:, :1]), x], dim=1).double().cumsum(1)
    counts = (end - first).view(-1, *[1] * (x.ndim - 2))
    return ((sums[:, end] - sums[:, first]) / counts).to(x.dtype)
