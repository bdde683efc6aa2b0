"""Frame times: when each frame of a batch was shown, and functions of time.

A learned function of a difference of times is a table of values at evenly spaced knots, joined by
straight lines. On a regular grid of frames it is the usual bias, or kernel, by index (Raffel et
al., JMLR 2020); frames in between get values in between, as in SchNet's continuous-filter
convolutions (Schütt et al., NeurIPS 2017).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from unmask.models.frame_runs import FRAME_STEP_S


class FrameTimes(NamedTuple):
    """When the frames of a batch were shown.

    Attributes:
        time_s: Seconds from the first sample of the sound, shape ``(B, T)``; 0 in padding.
        run: Number of the frame's run, shape ``(B, T)``. No layer looks from one run into another,
            since there is a cut or a gap in between.
    """

    time_s: Tensor
    run: Tensor


def interpolate(table: Tensor, position: Tensor) -> Tensor:
    """Return the values of a table at fractional positions; beyond its ends, those of the ends.

    Args:
        table: Values at positions 0, 1, …, shape ``(rows, knots)``.
        position: Any shape.

    Returns:
        Shape ``(rows, …)``, the shape of ``position`` after the rows.

    Example:
        >>> interpolate(torch.tensor([[0.0, 10.0, 40.0]]), torch.tensor([0.5, 1.0, 9.0]))
        tensor([[ 5., 10., 40.]])
    """
    last = table.shape[1] - 1
    place = position.clamp(0, last)
    left = torch.floor(place).long().clamp(max=max(last - 1, 0))
    share = place - left
    right = (left + 1).clamp(max=last)
    return table[:, left] * (1 - share) + table[:, right] * share


def tap_weights(times: FrameTimes, offset_s: float, mask: Tensor) -> Tensor:
    """Return how much each frame contributes to the tap of a convolution at ``offset_s``.

    The weight falls linearly from 1 for a frame at exactly that offset to 0 at ``FRAME_STEP_S``
    away from it, and is 0 for frames of another run.

    Args:
        mask: True where there is a frame, shape ``(B, T)``.

    Returns:
        Row = frame with the tap, column = frame that contributes, shape ``(B, T, T)``.
    """
    away_s = times.time_s[:, None] - times.time_s[..., None] - offset_s
    weights = (1 - away_s.abs() / FRAME_STEP_S).clamp(min=0)
    return weights * ((times.run[:, None] == times.run[..., None]) & mask[:, None])
