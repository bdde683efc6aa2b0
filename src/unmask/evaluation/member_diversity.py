"""How differently the members of an ensemble judge: their mean gains over each only as they differ.

Members that agree on every clip are one detector at several times the cost (Krogh & Vedelsby,
"Neural Network Ensembles, Cross Validation, and Active Learning", NIPS 1994).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.evaluation.metrics import roc_auc

MIN_SPREAD = 1e-9  # of a member's logits; below, they are equal up to rounding

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MemberDiversity:
    """Agreement of the members' logits on labelled clips.

    Attributes:
        auc: Of each member alone.
        correlation: Pearson correlation of the logits, mean over all pairs of members.
        within_class: The same after each class lost its mean: agreement beyond the label. Both are
            ``None`` where a member gives all clips the same logit.
    """

    auc: tuple[float, ...]
    correlation: float | None
    within_class: float | None


def measure_diversity(logits: Sequence[Floats], is_fake: Labels) -> MemberDiversity | None:
    """Return the agreement of members; ``None`` for a single one.

    Args:
        logits: Logits of all members, for each clip.

    Raises:
        SingleClassError: The clips are all genuine, or all fake.
    """
    by_member = np.array(logits, np.float64).T
    if len(by_member) < 2:
        return None
    auc = tuple(roc_auc(member, is_fake) for member in by_member)
    residuals = by_member.copy()
    for label in (False, True):
        own = is_fake == label
        residuals[:, own] -= residuals[:, own].mean(axis=1, keepdims=True)
    return MemberDiversity(auc, _mean_correlation(by_member), _mean_correlation(residuals))


def _mean_correlation(by_member: Floats) -> float | None:
    if np.ptp(by_member, axis=1).min() < MIN_SPREAD:
        return None
    pairs = np.triu_indices(len(by_member), k=1)
    return float(np.corrcoef(by_member)[pairs].mean())
