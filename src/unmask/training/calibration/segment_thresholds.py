"""From which score on a stretch of face, voice or lips stands out.

The moments of a genuine clip are many, and some of them score high: held against the verdict's
threshold, most genuine clips would have a stretch that stands out. So each kind of evidence has
a threshold of its own, split-conformal as the verdict's is, over the highest stretch of each
genuine clip.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from unmask.models.bundle import Bundle
from unmask.models.calibration.conformal import conformal_quantile
from unmask.models.calibration.platt import EVEN, SegmentThresholds, apply_platt, clipped_logit
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
        return conformal_quantile(known, fpr, EVEN)

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
    found: dict[str, float] = {}
    for score in scored.scores:
        for kind, probabilities, edges_s in _lines(bundle, score, temperature):
            if len(probabilities):
                found[kind] = max(
                    found.get(kind, 0.0), highest_segment_threshold(probabilities, edges_s)
                )
    return found


def _lines(
    bundle: Bundle, score: SampleScore, temperature: float
) -> Iterator[tuple[str, Floats, Floats]]:
    def read(probabilities: Floats) -> Floats:
        return apply_platt(clipped_logit(probabilities), temperature)

    frame_s = 1 / bundle.preprocessing.sampling.rate_hz
    faces = read(score.frame_probabilities)
    yield "video", faces, intervals(np.arange(len(faces)) * frame_s, frame_s)
    starts_s, voice = bin_audio_steps(read(score.step_probabilities))
    yield "audio", voice, intervals(starts_s, BIN_S)
    if bundle.sync is not None and score.sync is not None:
        moment_s = STEP_TICKS / bundle.sync.rate_hz
        yield "lip_sync", score.sync.probabilities, intervals(score.sync.time_s, moment_s)
