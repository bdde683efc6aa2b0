"""Fit of the thresholds above which a segment is flagged.

A genuine clip has many moments, some of which score high: at the verdict's threshold most genuine
clips would have a flagged segment, and the longer ones the more. Each kind of evidence therefore
has its own threshold, for a rate per hour of genuine footage.
"""

from collections.abc import Sequence

from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import OutputScales, SegmentThresholds
from unmask.models.evidence_lines import KINDS
from unmask.training.calibration.segment_windows import threshold_per_hour, window_peaks
from unmask.training.flagged_segments import clip_evidence_lines
from unmask.training.scored_clip import ScoredClip


def fit_segment_thresholds(
    bundle: Bundle, scored: Sequence[ScoredClip], scales: OutputScales, per_hour: float
) -> SegmentThresholds:
    """Fit thresholds that flag at most ``per_hour`` segments per hour of new genuine footage.

    See :mod:`.segment_windows`. With too few people of a kind, its rate is the lowest that they
    bear; the rate in the result is the highest of all kinds.

    Args:
        scored: Scores by ``bundle`` without calibration.
        scales: Scales of frames and of seconds, which are not yet in the scores.

    Returns:
        One half for evidence that no genuine clip has.
    """
    peaks: dict[str, list[float]] = {kind: [] for kind in KINDS}
    people: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for clip in scored:
        if not clip.clip.is_fake:
            lines = clip_evidence_lines(bundle, clip, scales)
            for kind, values in window_peaks(lines, clip.end_s).items():
                peaks[kind] += values
                people[kind] += [clip.clip.identity] * len(values)
    fitted = {
        kind: threshold_per_hour(own, people[kind], per_hour) for kind, own in peaks.items() if own
    }
    thresholds = {kind: threshold for kind, (threshold, _) in fitted.items()}
    rate = max((rate for _, rate in fitted.values()), default=0.0)
    return SegmentThresholds(**thresholds, per_hour=rate)
