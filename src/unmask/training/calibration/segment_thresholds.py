"""Fit of the thresholds above which a segment is flagged.

A genuine clip has many moments, some of which score high: at the verdict's threshold most genuine
clips would have a flagged segment, and the longer ones the more. Each kind of evidence therefore
has its own threshold, for a rate per hour of genuine footage.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import (
    SegmentThresholds,
    apply_platt,
    clipped_logit,
)
from unmask.models.evidence_lines import (
    KINDS,
    EvidenceLine,
    Kind,
    PersonEvidence,
    evidence_lines,
    face_scores,
    lipsync_scores,
    voice_scores,
)
from unmask.models.inference import SampleScore
from unmask.training.calibration.segment_windows import threshold_per_hour, window_peaks
from unmask.training.score_clips import ScoredClip

Floats = NDArray[np.float64]


def fit_segment_thresholds(
    bundle: Bundle, scored: Sequence[ScoredClip], temperature: float, per_hour: float
) -> SegmentThresholds:
    """Fit thresholds that flag at most ``per_hour`` segments per hour of new genuine footage.

    See :mod:`.segment_windows`. With too few windows of a kind, its rate is the lowest that they
    bear; the rate in the result is the highest of all kinds.

    Args:
        scored: Scores by ``bundle`` without calibration.
        temperature: Temperature that the scores were not yet divided by.

    Returns:
        One half for evidence that no genuine clip has.
    """
    peaks: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for clip in scored:
        if not clip.clip.is_fake:
            lines = clip_evidence_lines(bundle, clip, temperature)
            for kind, values in window_peaks(lines, clip.end_s).items():
                peaks[kind] += values
    fitted = {kind: threshold_per_hour(own, per_hour) for kind, own in peaks.items() if own}
    thresholds = {kind: threshold for kind, (threshold, _) in fitted.items()}
    rate = max((rate for _, rate in fitted.values()), default=0.0)
    return SegmentThresholds(**thresholds, per_hour=rate)


def has_flagged_segment(bundle: Bundle, scored: ScoredClip) -> bool:
    """Return whether a segment of the clip is above the bundle's threshold of its kind."""
    peaks = peak_segment_scores(bundle, scored)
    return any(peak > getattr(bundle.calibration.alarms, kind) for kind, peak in peaks.items())


def count_flagged(bundle: Bundle, scored: ScoredClip, kind: Kind) -> int | None:
    """Return the number of flagged segments of a kind; ``None`` without that kind of evidence."""
    lines = [line for line in clip_evidence_lines(bundle, scored) if line.kind == kind]
    threshold = getattr(bundle.calibration.alarms, kind)
    if not any(len(line.probabilities) for line in lines):
        return None
    return sum(len(list(line.segments(threshold))) for line in lines)


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
