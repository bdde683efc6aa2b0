"""Moving average of the weights (EMA), which is validated and kept in place of the weights."""

from collections.abc import Callable

from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor

WARMUP = 10  # the decay is one half after eight updates


def build_weight_averaging(decay: float) -> WeightAveraging:
    """Return the callback of a fit.

    Args:
        decay: Share of the average that an update keeps, in ``(0, 1)``.
    """
    return WeightAveraging(avg_fn=average_with_warmup(decay))


def average_with_warmup(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Return the update of an average, whose decay grows up to ``decay``.

    After ``n`` updates it is at most ``(1 + n) / (10 + n)``, or a short fit would keep the weights
    that it began with (as in TensorFlow's ``ExponentialMovingAverage`` with ``num_updates``).

    Example:
        >>> import torch
        >>> update = average_with_warmup(0.999)
        >>> update(torch.tensor(0.0), torch.tensor(11.0), 1).item()
        9.0
        >>> round(update(torch.tensor(0.0), torch.tensor(11.0), 10**6).item(), 3)
        0.011
    """

    def update(average: Tensor, current: Tensor, updates: Tensor | int) -> Tensor:
        if not average.is_floating_point():
            return current  # a count, such as that of a batch norm's batches
        rate = min(decay, (1 + float(updates)) / (WARMUP + float(updates)))
        return average.lerp(current, 1 - rate)  # exact where both are equal, as in frozen layers

    return update
