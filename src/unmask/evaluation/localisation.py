"""Metrics of temporal localisation: AP at an IoU, AR of a number of proposals, AUC of seconds.

AP and AR are those of LAV-DF (Cai et al., "Do You Really Mean That?", DICTA 2022, ``metrics.py``)
and AV-Deepfake1M (Cai et al., ACM MM 2024): a proposal finds a forged segment if their IoU exceeds
the threshold; each segment takes the highest-scored proposal that no earlier segment took; AP is
the area under the interpolated curve of precision and recall over all clips; AR is the recall by
the first proposals of each clip, averaged over the IoU thresholds 0.5, 0.55, …, 0.95. Two cases
that the authors' code leaves to chance are settled: proposals of equal score share a point of the
curve, and segments of a clip without proposals are missed in AR as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.errors import DataError
from unmask.evaluation.bootstrap import MAX_CELLS, Resampling
from unmask.evaluation.intervals import Estimate, estimate_from_resamples
from unmask.evaluation.resampled_metrics import resampled_aucs

AP_IOUS = (0.5, 0.75, 0.9, 0.95)
AR_PROPOSALS = (50, 20, 10, 5)
AR_IOUS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
MIN_OVERLAP_S = 0.1  # a second with less of a forged segment is genuine
HOUR_S = 3600.0
ROUNDING = 1e-9  # an IoU that exceeds a threshold by less equals it

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LocalisedClip:
    """Forged segments of one clip, and what a detector found.

    Attributes:
        identity: Person shown; intervals resample people.
        truths_s: Start and end of each forged segment in seconds, shape ``(truths, 2)``.
        proposals: Start and end in seconds, and score, of each proposed segment, shape
            ``(proposals, 3)``, in any order; a higher score is more fake.
        flagged: Number of segments that the detector flags by its threshold.
        second_scores: Score of each second of the clip, NaN where nothing was scored, shape
            ``(seconds,)``.
    """

    clip_id: str
    identity: str
    duration_s: float
    truths_s: Floats
    proposals: Floats
    flagged: int
    second_scores: Floats

    def __post_init__(self) -> None:
        """Refuse arrays of wrong shape, and segments that end before they start."""
        if self.truths_s.ndim != 2 or self.truths_s.shape[1] != 2:
            raise DataError(f"{self.clip_id}: truths have shape {self.truths_s.shape}; use (n, 2)")
        if self.proposals.ndim != 2 or self.proposals.shape[1] != 3:
            raise DataError(
                f"{self.clip_id}: proposals have shape {self.proposals.shape}; use (n, 3)"
            )
        for rows in (self.truths_s, self.proposals):
            if not np.isfinite(rows).all() or (rows[:, 1] < rows[:, 0]).any():
                raise DataError(f"{self.clip_id}: a segment has no end, or ends too early")

    @property
    def ranked(self) -> Floats:
        """The proposals by falling score; of equal ones the earlier first."""
        order = np.lexsort((self.proposals[:, 1], self.proposals[:, 0], -self.proposals[:, 2]))
        return self.proposals[order]

    def forged_seconds(self) -> Labels:
        """Return which seconds hold ``MIN_OVERLAP_S`` of a forged segment, ``(seconds,)``."""
        starts = np.arange(len(self.second_scores), dtype=np.float64)[:, None]
        low = np.maximum(starts, self.truths_s[:, 0])
        high = np.minimum(starts + 1, self.truths_s[:, 1])
        # a shorter segment is forged as a whole
        enough = np.minimum(MIN_OVERLAP_S, self.truths_s[:, 1] - self.truths_s[:, 0])
        return np.asarray(((high > low) & (high - low >= enough - ROUNDING)).any(axis=1), np.bool_)


def segment_ious(proposals_s: Floats, truths_s: Floats) -> Floats:
    """Return the IoU of each proposal with each forged segment, ``(proposals, truths)``.

    It is 0 for segments that only touch, and for two segments without length.

    Args:
        proposals_s, truths_s: Start and end of each, shapes ``(proposals, 2)`` and
            ``(truths, 2)``.

    Example:
        >>> segment_ious(np.array([[0.0, 2.0]]), np.array([[1.0, 3.0]])).round(3).tolist()
        [[0.333]]
    """
    low = np.maximum(proposals_s[:, None, 0], truths_s[None, :, 0])
    high = np.minimum(proposals_s[:, None, 1], truths_s[None, :, 1])
    shared = np.maximum(high - low, 0.0)
    lengths = np.diff(proposals_s, axis=1) + np.diff(truths_s, axis=1)[:, 0]
    union = lengths - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def average_precision_at(clips: Sequence[LocalisedClip], iou: float) -> float:
    """Compute AP of the proposals of all clips at an IoU threshold; 1 is best.

    Raises:
        DataError: No clip has a forged segment.
    """
    counts = np.ones((1, len(clips)))
    return float(_resampled_ap(_require_truths(clips), iou)(counts)[0])


def average_recall(clips: Sequence[LocalisedClip], proposals: int) -> float:
    """Compute AR by the ``proposals`` highest-scored proposals of each clip; 1 is best.

    Raises:
        DataError: No clip has a forged segment.
    """
    counts = np.ones((1, len(clips)))
    return float(_resampled_ar(_require_truths(clips), proposals)(counts)[0])


def flagged_per_hour(clips: Sequence[LocalisedClip]) -> float | None:
    """Return the flagged segments per hour of clips without any forged segment.

    Returns:
        ``None`` where all clips have one.
    """
    genuine = [clip for clip in clips if not len(clip.truths_s)]
    seconds = sum(clip.duration_s for clip in genuine)
    return HOUR_S * sum(clip.flagged for clip in genuine) / seconds if seconds else None


def measure_localisation(
    clips: Sequence[LocalisedClip], resampling: Resampling
) -> dict[str, Estimate]:
    """Compute all metrics with their intervals, by resampling people.

    Returns:
        ``ap50``, …, ``ap95``; ``ar50``, …, ``ar5``; ``second_auc`` if there are scored seconds of
        both classes; ``flagged_per_hour`` if there are clips without forged segments. Without
        intervals where all clips are of one person.

    Raises:
        DataError: No clip has a forged segment.
    """
    _require_truths(clips)
    metrics = {f"ap{100 * iou:.0f}": _resampled_ap(clips, iou) for iou in AP_IOUS}
    metrics |= {f"ar{count}": _resampled_ar(clips, count) for count in AR_PROPOSALS}
    scores, forged, clip_of = _seconds(clips)
    if forged.any() and not forged.all():
        metrics["second_auc"] = lambda counts: resampled_aucs(
            scores, forged, counts[:, clip_of].astype(np.int64)
        )
    if flagged_per_hour(clips) is not None:
        metrics["flagged_per_hour"] = _resampled_rate(clips)
    once = np.ones((1, len(clips)))
    draws = _draw_people(clips, resampling)
    size = max(1, MAX_CELLS // max(1, len(scores), *(len(clip.proposals) for clip in clips)))
    return {
        name: estimate_from_resamples(
            float(metric(once)[0]),
            None if draws is None else _in_chunks(metric, draws, size),
            resampling.confidence,
        )
        for name, metric in metrics.items()
    }


Metric = Callable[[Floats], Floats]  # from counts (resamples, clips) to values (resamples,)


def _require_truths(clips: Sequence[LocalisedClip]) -> Sequence[LocalisedClip]:
    if not any(len(clip.truths_s) for clip in clips):
        raise DataError(f"none of {len(clips)} clips has a forged segment; localisation needs one")
    return clips


def _matches(clip: LocalisedClip, iou: float) -> Labels:
    """Return which of the ranked proposals find a forged segment, shape ``(proposals,)``."""
    hits = segment_ious(clip.ranked[:, :2], clip.truths_s) > iou + ROUNDING
    is_match = np.zeros(len(hits), np.bool_)
    for column in hits.T:
        free = np.flatnonzero(column & ~is_match)
        is_match[free[:1]] = True
    return is_match


def _resampled_ap(clips: Sequence[LocalisedClip], iou: float) -> Metric:
    clip_of = np.repeat(np.arange(len(clips)), [len(clip.proposals) for clip in clips])
    scores = np.concatenate([clip.ranked[:, 2] for clip in clips])
    is_match = np.concatenate([_matches(clip, iou) for clip in clips])
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)[: len(order)]  # of each group of ties
    truths = np.array([len(clip.truths_s) for clip in clips], np.float64)

    def metric(counts: Floats) -> Floats:
        weights = counts[:, clip_of[order]]
        proposed = weights.cumsum(axis=1)[:, last]
        correct = (weights * is_match[order]).cumsum(axis=1)[:, last]
        precision = correct / np.maximum(proposed, 1)
        # interpolated: the highest precision at this recall or a higher one
        envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        gained = np.diff(correct, axis=1, prepend=0.0)
        return np.asarray((gained * envelope).sum(axis=1) / (counts @ truths), np.float64)

    return metric


def _resampled_ar(clips: Sequence[LocalisedClip], proposals: int) -> Metric:
    recalled, truths = np.zeros(len(clips)), np.zeros(len(clips))
    for number, clip in enumerate(clips):
        truths[number] = len(clip.truths_s)
        ious = segment_ious(clip.ranked[:proposals, :2], clip.truths_s)
        best = ious.max(axis=0, initial=0.0)
        recalled[number] = (best[:, None] > np.array(AR_IOUS) + ROUNDING).mean(axis=1).sum()
    return lambda counts: (counts @ recalled) / (counts @ truths)


def _resampled_rate(clips: Sequence[LocalisedClip]) -> Metric:
    genuine = np.array([not len(clip.truths_s) for clip in clips])
    flagged = np.array([clip.flagged for clip in clips]) * genuine
    seconds = np.array([clip.duration_s for clip in clips]) * genuine
    return lambda counts: HOUR_S * (counts @ flagged) / (counts @ seconds)


def _seconds(clips: Sequence[LocalisedClip]) -> tuple[Floats, Labels, NDArray[np.int64]]:
    """Return score, label and clip of each scored second."""
    scores = np.concatenate([clip.second_scores for clip in clips])
    forged = np.concatenate([clip.forged_seconds() for clip in clips])
    clip_of = np.repeat(np.arange(len(clips)), [len(clip.second_scores) for clip in clips])
    scored = ~np.isnan(scores)
    return scores[scored], forged[scored], clip_of[scored]


def _draw_people(clips: Sequence[LocalisedClip], resampling: Resampling) -> Floats | None:
    """Draw resamples of people in which every metric exists, ``(resamples, clips)``.

    Returns:
        ``None`` where all clips are of one person.
    """
    _, person = np.unique([clip.identity for clip in clips], return_inverse=True)
    people = int(person.max()) + 1
    if people < 2:
        return None
    needed = [np.array([len(clip.truths_s) for clip in clips])]
    _, forged, clip_of = _seconds(clips)
    needed += [np.bincount(clip_of[part], minlength=len(clips)) for part in (forged, ~forged)]
    needed.append(np.array([not len(clip.truths_s) for clip in clips]).astype(np.int64))
    by_person = np.stack([np.bincount(person, rows, people) for rows in needed if rows.any()])
    accepted: list[NDArray[np.int64]] = []
    missing = resampling.resamples
    while missing:
        drawn = resampling.rng.multinomial(people, np.full(people, 1 / people), size=missing)
        drawn = drawn[(drawn @ by_person.T > 0).all(axis=1)]
        accepted.append(drawn)
        missing -= len(drawn)
    return np.concatenate(accepted)[:, person].astype(np.float64)


def _in_chunks(metric: Metric, counts: Floats, size: int) -> Floats:
    chunks = [metric(counts[start : start + size]) for start in range(0, len(counts), size)]
    return np.concatenate(chunks)
