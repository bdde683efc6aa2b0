"""Interface of what keeps the features of frames, so that a backbone runs once for each."""

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

Encode = Callable[[Tensor, Tensor | None], Tensor]


class FeatureStore(Protocol):
    """Features of a backbone with fixed weights."""

    def load_or_encode(self, frames: Tensor, flow: Tensor | None, encode: Encode) -> Tensor:
        """Return the features of frames, shape ``(N, width)``.

        Args:
            frames: RGB in ``[0, 1]``, shape ``(N, 3, H, W)``.
            flow: Pixels, shape ``(N, 2, H, W)``, or ``None``.
            encode: Computes the features that are not kept yet.
        """
