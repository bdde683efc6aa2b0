"""Pooling: the final score as a weighted mean of fake probabilities, in log-odds.

Log-odds keep the order of very confident scores, whose probabilities would round to 1.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, logit

SYNC_PROB_CLIP = 1e-6  # the lip-sync probability is kept this far from 0 and 1

Floats = NDArray[np.float64]


def average_in_probability(logits: Floats, weights: Floats | None = None) -> Floats:
    """Return the log-odds of the weighted mean of the probabilities behind ``logits``.

    Args:
        logits: Shape ``(scores, …)``.
        weights: Shape ``(scores,)``, not negative and not all 0; ``None`` for equal weights.

    Returns:
        Shape ``(…)``.

    Example:
        >>> p = np.array([0.2, 0.6])
        >>> pooled = average_in_probability(np.log(p / (1 - p)))
        >>> float((1 / (1 + np.exp(-pooled))).round(3))
        0.4
    """
    logits = np.asarray(logits, np.float64)
    if len(logits) == 1:
        return logits[0]
    shares = np.ones(len(logits)) if weights is None else np.asarray(weights, np.float64)
    positive = shares > 0
    log_weights = np.log(shares[positive]).reshape(-1, *[1] * (logits.ndim - 1))
    fake = np.logaddexp.reduce(log_expit(logits[positive]) + log_weights)
    genuine = np.logaddexp.reduce(log_expit(-logits[positive]) + log_weights)
    return np.asarray(fake - genuine)


def fuse_with_lipsync(members: Floats, sync_probability: float | None, sync_weight: float) -> float:
    """Return ``(1 - w) · mean of the members + w · lip-sync`` as uncalibrated log-odds.

    Args:
        members: Logit of each member, shape ``(members,)``.
        sync_probability: ``None`` where it cannot be judged; then only the members count.
        sync_weight: ``w``, in ``[0, 1]``.
    """
    detector = average_in_probability(members)
    if sync_probability is None or not sync_weight:
        return float(detector)
    sync = logit(np.clip(sync_probability, SYNC_PROB_CLIP, 1 - SYNC_PROB_CLIP))
    return float(
        average_in_probability(np.array([detector, sync]), np.array([1 - sync_weight, sync_weight]))
    )
