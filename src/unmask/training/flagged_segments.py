"""Lines of evidence of a scored clip, their highest segments, and the flagged ones."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import OutputScales, PlattScale, clipped_logit
from unmask.models.evidence_lines import (
    EvidenceLine,
    Kind,
    PersonEvidence,
    evidence_lines,
    face_scores,
    lipsync_scores,
    voice_scores,
)
from unmask.models.inference import SampleScore
from unmask.training.scored_clip import ScoredClip

Floats = NDArray[np.float64]


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
    bundle: Bundle, scored: ScoredClip, scales: OutputScales | None = None
) -> dict[str, float]:
    """Compute the score of the highest segment of each kind of evidence in a clip.

    Args:
        scales: Scales of face and voice that are not yet in the scores.

    Returns:
        Kind, one of ``KINDS``, to score; without kinds of evidence that the clip lacks.
    """
    peaks: dict[str, float] = {}
    for line in clip_evidence_lines(bundle, scored, scales):
        if len(line.probabilities):
            peaks[line.kind] = max(peaks.get(line.kind, 0.0), line.peak())
    return peaks


def clip_evidence_lines(
    bundle: Bundle, scored: ScoredClip, scales: OutputScales | None = None
) -> Iterator[EvidenceLine]:
    """Yield the lines of evidence of a scored clip, as serving flags segments on them.

    Args:
        scales: Scales of face and voice that are not yet in the scores.
    """
    scores = [_rescale(score, scales or OutputScales()) for score in scored.scores]
    frame_s = 1 / bundle.preprocessing.sampling.rate_hz
    people = []
    for number, score in enumerate(scores):
        times_s = np.arange(len(score.frame_probabilities)) * frame_s
        if number < len(scored.frame_times_s):
            times_s = scored.frame_times_s[number]
        people.append(PersonEvidence(number, face_scores(score, times_s), lipsync_scores(score)))
    return evidence_lines(bundle, people, voice_scores(scores))


def _rescale(score: SampleScore, scales: OutputScales) -> SampleScore:
    """Apply the scales of frames and of seconds."""

    def rescale(probabilities: Floats, scale: PlattScale) -> Floats:
        return scale.probability(clipped_logit(probabilities))

    return replace(
        score,
        frame_probabilities=rescale(score.frame_probabilities, scales.frame),
        step_probabilities=rescale(score.step_probabilities, scales.second),
    )
