"""From which score on a stretch of face, voice or lips stands out.

The moments of a genuine clip are many, and some of them score high: held against the verdict's
threshold, most genuine clips would have a stretch that stands out. So each kind of evidence has
a threshold of its own, split-conformal as the verdict's is, over the highest stretch of each
genuine clip.
"""

from collections.abc import Sequence
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
    """Thresholds of which a share ``fpr`` of new genuine clips at most has anything above.

    Args:
        scored: By ``bundle`` under no calibration.
        temperature: That ``scored`` will be divided by.

    Returns:
        One half for what is too rarely seen in genuine clips to promise anything.
    """
    genuine = [
        peak_segment_scores(bundle, one, temperature) for one in scored if not one.clip.is_fake
    ]

    def fitted(kind: str) -> float:
        known = np.sort([clip[kind] for clip in genuine if kind in clip])
        return conformal_quantile(known, fpr, NEUTRAL_PROBABILITY)

    return SegmentThresholds(**{kind: fitted(kind) for kind in KINDS})


def peak_segment_scores(
    bundle: Bundle, scored: ScoredClip, temperature: float = 1.0
) -> dict[str, float]:
    """How high each kind of evidence stands for long enough somewhere in a clip.

    Args:
        temperature: That face and voice are still to be divided by.

    Returns:
        By kind, one of ``KINDS``; without those that the clip does not hold.
    """
    scores = [_rescale(score, temperature) for score in scored.scores]
    frame_s = 1 / bundle.preprocessing.sampling.rate_hz
    people = [
        PersonEvidence(
            number,
            face_scores(score, np.arange(len(score.frame_probabilities)) * frame_s),
            lipsync_scores(score),
        )
        for number, score in enumerate(scores)
    ]
    peaks: dict[str, float] = {}
    for line in evidence_lines(bundle, people, voice_scores(scores)):
        if len(line.probabilities):
            peaks[line.kind] = max(peaks.get(line.kind, 0.0), line.peak())
    return peaks


def _rescale(score: SampleScore, temperature: float) -> SampleScore:
    """Divide the scores of face and voice by a temperature."""

    def rescale(probabilities: Floats) -> Floats:
        return apply_platt(clipped_logit(probabilities), temperature)

    return replace(
        score,
        frame_probabilities=rescale(score.frame_probabilities),
        step_probabilities=rescale(score.step_probabilities),
    )
