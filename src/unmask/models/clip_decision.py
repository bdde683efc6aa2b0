"""Clip decision: final score, decisive person and verdict.

Serving and the scoring of labelled clips, on which thresholds are fitted, both use these rules, so
that a threshold means the same in both.
"""

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from unmask.models.calibration.platt import Calibration
from unmask.models.ensemble.pooling import fuse_with_lipsync

MIN_FRAMES = 5  # a face seen for less than a second does not decide beside longer ones

Floats = NDArray[np.float64]
Verdict = Literal["fake", "real", "inconclusive"]
T = TypeVar("T")


def final_log_odds(
    member_logits: Floats, sync_probability: float | None, calibration: Calibration
) -> float:
    """Return the calibrated log-odds of members and lip-sync together; higher is more fake.

    Args:
        member_logits: Uncalibrated logit of each member, shape ``(members,)``.
        sync_probability: Lip-sync score in ``[0, 1]``; ``None`` where it cannot be judged.
    """
    fused = fuse_with_lipsync(member_logits, sync_probability, calibration.sync_weight)
    return float(calibration.for_clip(sync_probability).log_odds(fused))


def repeated_log_odds(
    logits: Floats, sync_probability: float | None, calibration: Calibration
) -> Floats:
    """Return the final log-odds that each logit alone would give, of the same shape.

    Args:
        logits: Uncalibrated logits of MC-dropout passes or of members, shape ``(repeats,)``.
        sync_probability: As in :func:`final_log_odds`.
    """
    finals = [final_log_odds(single, sync_probability, calibration) for single in logits[:, None]]
    return np.array(finals, np.float64)


def decisive(
    people: Sequence[T], frame_count: Callable[[T], int], log_odds: Callable[[T], float]
) -> T:
    """Return the person whose score is the clip's: the most fake of those seen for long enough.

    Long enough is ``MIN_FRAMES`` frames; if no person reaches that, it is the number of
    frames of the person seen longest.

    Args:
        people: At least one.
        frame_count: Number of scored frames of a person.
        log_odds: Score of a person; higher is more fake.

    Example:
        >>> people = {"long": (20, -1.0), "short": (5, 2.0), "glimpse": (4, 9.0)}
        >>> decisive(list(people), lambda p: people[p][0], lambda p: people[p][1])
        'short'
    """
    enough = min(MIN_FRAMES, max(frame_count(person) for person in people))
    candidates = [person for person in people if frame_count(person) >= enough]
    return max(candidates, key=log_odds)


def decide_verdict(probability: float | None, calibration: Calibration) -> Verdict:
    """Return the verdict for a fake probability.

    Args:
        probability: ``None`` where nothing could be scored.
        calibration: The one in effect for this clip; see :meth:`Calibration.for_clip`.

    Example:
        >>> decide_verdict(0.5, Calibration(real_below=0.3, fake_above=0.7))
        'inconclusive'
    """
    if probability is None:
        return "inconclusive"
    if probability > calibration.fake_above:
        return "fake"
    return "real" if probability < calibration.real_below else "inconclusive"
