"""Dropout factors: by what each use of dropout multiplies its input in one pass.

Networks of torch and graphs draw them alike, so that both give the same passes.
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from unmask.records import ModelInput


def content_seed(sample: ModelInput) -> int:
    """Return a seed derived from faces and sound, so that a video always gets the same passes."""
    digest = blake2b(digest_size=7)
    for values in (sample.faces, sample.waveform):
        digest.update(np.ascontiguousarray(values).data)
    return int.from_bytes(digest.digest(), "little")


def draw_factors(
    rng: np.random.Generator, shape: Sequence[int], probability: float
) -> NDArray[np.float32]:
    """Return 0 with the probability of dropout, and else what keeps the mean.

    Example:
        >>> draw_factors(np.random.default_rng(0), (2, 3), 0.5)
        array([[2., 2., 2.],
               [0., 0., 0.]], dtype=float32)
    """
    kept = rng.random(tuple(shape), np.float32) >= probability
    return kept / np.float32(1 - probability)
