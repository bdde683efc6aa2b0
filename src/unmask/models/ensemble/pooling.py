"""The final score: a weighted mean of fake probabilities, held as log-odds.

In log-odds a sure detector keeps its place among sure detectors, where its probability would have
been rounded to 1.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, logit

CERTAIN = 1e-6  # of a probability that is not the detector's own; keeps its log-odds finite

Floats = NDArray[np.float64]


def average_in_probability(logits: Floats, weights: Floats | None = None) -> Floats:
    """Log-odds of the weighted mean of the probabilities that ``logits`` stand for.

    Args:
        logits: Shape ``(voices, …)``.
        weights: Shape ``(voices,)``, not negative and not all 0; ``None`` weighs all alike.

    Returns:
        Shape ``(…)``.

    Example:
        >>> p = np.array([0.2, 0.6])
        >>> float((1 / (1 + np.exp(-mixed(np.log(p / (1 - p)))))).round(3))
        0.4
    """
    logits = np.asarray(logits, np.float64)
    if len(logits) == 1:
        return logits[0]
    share = np.ones(len(logits)) if weights is None else np.asarray(weights, np.float64)
    counts = share > 0
    weight = np.log(share[counts]).reshape(-1, *[1] * (logits.ndim - 1))
    fake = np.logaddexp.reduce(log_expit(logits[counts]) + weight)
    genuine = np.logaddexp.reduce(log_expit(-logits[counts]) + weight)
    return np.asarray(fake - genuine)


def fuse_with_lipsync(members: Floats, sync_probability: float | None, sync_weight: float) -> float:
    """``(1 - w) · mean of the members + w · lip-sync``, as log-odds before the temperature.

    Args:
        members: Each member's logit, shape ``(members,)``.
        sync_probability: ``None`` where it cannot be judged: the members alone count.
        sync_weight: ``w``, in ``[0, 1]``.
    """
    detector = average_in_probability(members)
    if sync_probability is None or not sync_weight:
        return float(detector)
    sync = logit(np.clip(sync_probability, CERTAIN, 1 - CERTAIN))
    return float(
        average_in_probability(np.array([detector, sync]), np.array([1 - sync_weight, sync_weight]))
    )
