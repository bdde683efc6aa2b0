"""Fit of the thresholds above which a segment is flagged.

A genuine clip has many moments, some of which score high: at the verdict's threshold most genuine
clips would have a flagged segment. Each kind of evidence therefore has a threshold of its own,
split-conformal as the verdict's is, over the highest segment of each genuine clip.
"""

from collections.abc import Iterator, Sequence

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
from unmask.models.calibration.segments import (
    BIN_S,
    bin_audio_steps,
    highest_segment_threshold,
    intervals,
)
from unmask.models.inference import SampleScore
from unmask.models.lipsync.scoring import STEP_TICKS
from unmask.training.score_clips import ScoredClip

KINDS = ("video", "audio", "lip_sync")

Floats = NDArray[np.float64]


def fit_segment_thresholds(
    bundle: Bundle, scored: Sequence[ScoredClip], temperature: float, fpr: float
) -> SegmentThresholds:
    """Fit thresholds that at most a share ``fpr`` of new genuine clips exceeds anywhere.

    Args:
        scored: Scores by ``bundle`` without calibration.
        temperature: Of the calibration that ``scored`` lacks.

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
    for score in scored.scores:
        for kind, probabilities, edges_s in _evidence_lines(bundle, score, temperature):
            if len(probabilities):
                peak = highest_segment_threshold(probabilities, edges_s)
                peaks[kind] = max(peaks.get(kind, 0.0), peak)
    return peaks


def _evidence_lines(
    bundle: Bundle, score: SampleScore, temperature: float
) -> Iterator[tuple[str, Floats, Floats]]:
    """Yield kind, probabilities and intervals in seconds of each line of evidence."""

    def scale(probabilities: Floats) -> Floats:
        return apply_platt(clipped_logit(probabilities), temperature)

    frame_s = 1 / bundle.preprocessing.sampling.rate_hz
    faces = scale(score.frame_probabilities)
    yield "video", faces, intervals(np.arange(len(faces)) * frame_s, frame_s)
    starts_s, voice = bin_audio_steps(scale(score.step_probabilities))
    yield "audio", voice, intervals(starts_s, BIN_S)
    if bundle.sync is not None and score.sync is not None:
        step_s = STEP_TICKS / bundle.sync.rate_hz
        yield "lip_sync", score.sync.probabilities, intervals(score.sync.time_s, step_s)
