"""Clip decision: final score, decisive person and verdict.

Serving and the scoring of labelled clips, on which thresholds are fitted, both use these rules, so
that a threshold means the same in both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from unmask.models.calibration.platt import Calibration
from unmask.models.ensemble.pooling import fuse_with_lipsync
from unmask.records import Reason, Verdict

# A face seen for less than a second does not decide beside longer ones, and does not suffice for a
# verdict; nor does less than a second of voice, which is scored in as many bins.
MIN_FRAMES = 5

Floats = NDArray[np.float64]
REASONS: tuple[Reason, ...] = get_args(Reason)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Decision:
    """Verdict on a clip.

    Attributes:
        reasons: Why the verdict is ``inconclusive``, in the order of ``REASONS``; none for the
            other two.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...] = ()

    @property
    def reason(self) -> Reason | None:
        """First of the reasons; ``None`` without any."""
        return self.reasons[0] if self.reasons else None


@dataclass(frozen=True, slots=True)
class VerdictBasis:
    """Everything that the verdict on a clip depends on.

    Attributes:
        probability: Fake probability of the clip; ``None`` where nothing could be scored.
        scored_moments: Number of frames of the decisive person, or of bins of the voice where no
            face is seen.
        has_alarm: Whether a segment of face, voice or lip-sync is flagged.
        obstacles: Reasons, known from the footage, why no verdict can be given.
    """

    probability: float | None
    scored_moments: int
    has_alarm: bool = False
    obstacles: frozenset[Reason] = frozenset()


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
    """Return the person who decides the clip: the most fake of those seen for long enough.

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
    enough = enough_frames([frame_count(person) for person in people])
    candidates = [person for person in people if frame_count(person) >= enough]
    return max(candidates, key=log_odds)


def enough_frames(counts: Sequence[int]) -> int:
    """Return how many frames a person must have to be a candidate; see :func:`decisive`."""
    return min(MIN_FRAMES, max(counts))


def pool_candidates(log_odds: Sequence[float]) -> float:
    """Return the log-odds that one of several candidates is forged.

    Candidates are the people of a clip, and a voice without a face. If a forged clip has one forged
    candidate, any of them alike, its likelihood ratio is the mean of those of the candidates. The
    highest score alone would call more clips fake the more genuine people they show.

    Args:
        log_odds: Calibrated log-odds of each candidate, as if it were the only one; at least one.

    Example:
        >>> pool_candidates([2.0]), round(pool_candidates([2.0, -9.0]), 3)
        (2.0, 1.307)
    """
    return float(np.logaddexp.reduce(np.asarray(log_odds, np.float64)) - np.log(len(log_odds)))


def decide_verdict(basis: VerdictBasis, calibration: Calibration) -> Decision:
    """Return the verdict on a clip.

    A clip with a flagged segment is never called real. This rule and the obstacles only withhold
    verdicts, so the error rates that the thresholds guarantee hold with them.

    Args:
        calibration: The one in effect for this clip; see :meth:`Calibration.for_clip`.

    Example:
        >>> decide_verdict(VerdictBasis(0.5, 50), Calibration(real_below=0.3, fake_above=0.7))
        Decision(verdict='inconclusive', reasons=('between_thresholds',))
    """
    if basis.probability is None:
        return Decision("inconclusive", ("nothing_to_score",))
    reasons = set(basis.obstacles)
    if basis.scored_moments < MIN_FRAMES:
        reasons.add("too_little_evidence")
    if not reasons:
        if basis.probability > calibration.fake_above:
            return Decision("fake")
        is_low = basis.probability < calibration.real_below
        if is_low and not basis.has_alarm:
            return Decision("real")
        reasons.add("segment_alarm" if is_low else "between_thresholds")
    return Decision("inconclusive", tuple(reason for reason in REASONS if reason in reasons))
