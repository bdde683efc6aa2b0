"""Fit of the thresholds above which a segment is flagged.

A genuine clip has many moments, some of which score high: at the verdict's threshold most genuine
clips would have a flagged segment. Each kind of evidence therefore has its own threshold,
split-conformal like the verdict's, over the highest segment of each genuine clip.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unmask.models.bundle import Bundle
from unmask.models.calibration.conformal import conformal_quantile
from unmask.models.calibration.platt import (
    NEUTRAL_PROBABILITY,
    SegmentThresholds,
    apply_platt,
    clipped_logit,
)
from unmask.models.evidence_lines import (
    KINDS,
    EvidenceLine,
    PersonEvidence,
    evidence_lines,
    face_scores,
    lipsync_scores,
    voice_scores,
)
from unmask.models.inference import SampleScore
from unmask.training.score_clips import ScoredClip

Floats = NDArray[np.float64]


def fit_segment_thresholds(
    bundle: Bundle, scored: Sequence[ScoredClip], temperature: float, fpr: float
) -> SegmentThresholds:
    """Fit thresholds that at most a share ``fpr`` of new genuine clips exceeds anywhere.

    Args:
        scored: Scores by ``bundle`` without calibration.
        temperature: Temperature that the scores were not yet divided by.

    Returns:
        One half for evidence that too few genuine clips have.
    """
    genuine = [
        peak_segment_scores(bundle, clip, temperature) for clip in scored if not clip.clip.is_fake
    ]

    def fit(kind: str) -> float:
        peaks = np.sort([clip[kind] for clip in genuine if kind in clip])
        return conformal_quantile(peaks, fpr, NEUTRAL_PROBABILITY)

    return SegmentThresholds(**{kind: fit(kind) for kind in KINDS})


def has_flagged_segment(bundle: Bundle, scored: ScoredClip) -> bool:
    """Return whether a segment of the clip is above the bundle's threshold of its kind."""
    peaks = peak_segment_scores(bundle, scored)
    return any(peak > getattr(bundle.calibration.alarms, kind) for kind, peak in peaks.items())


def peak_segment_scores(
    bundle: Bundle, scored: ScoredClip, temperature: float = 1.0
) -> dict[str, float]:
    """Compute the score of the highest segment of each kind of evidence in a clip.

    Args:
        temperature: Divides the logits of face and voice.

    Returns:
        Kind, one of ``KINDS``, to score; without kinds of evidence that the clip lacks.
    """
    peaks: dict[str, float] = {}
    for line in clip_evidence_lines(bundle, scored, temperature):
        if len(line.probabilities):
            peaks[line.kind] = max(peaks.get(line.kind, 0.0), line.peak())
    return peaks


def clip_evidence_lines(
    bundle: Bundle, scored: ScoredClip, temperature: float = 1.0
) -> Iterator[EvidenceLine]:
    """Yield the lines of evidence of a scored clip, as serving flags segments on them.

    Args:
        temperature: Divides the logits of face and voice.
    """
    scores = [_rescale(score, temperature) for score in scored.scores]
    frame_s = 1 / bundle.preprocessing.sampling.rate_hz
    people = []
    for number, score in enumerate(scores):
        times_s = np.arange(len(score.frame_probabilities)) * frame_s
        if number < len(scored.frame_times_s):
            times_s = scored.frame_times_s[number]
        people.append(PersonEvidence(number, face_scores(score, times_s), lipsync_scores(score)))
    return evidence_lines(bundle, people, voice_scores(scores))


def _rescale(score: SampleScore, temperature: float) -> SampleScore:
    """Divide the scores of face and voice by a temperature."""

    def rescale(probabilities: Floats) -> Floats:
        return apply_platt(clipped_logit(probabilities), temperature)

    return replace(
        score,
        frame_probabilities=rescale(score.frame_probabilities),
        step_probabilities=rescale(score.step_probabilities),
    )
