"""Verdict on a labelled clip, by the rules of serving."""

from unmask.models.bundle import Bundle
from unmask.models.clip_decision import VerdictBasis, decide_verdict
from unmask.models.footage_obstacles import find_obstacles
from unmask.models.inference import clip_score, scored_moments
from unmask.records import Verdict
from unmask.training.flagged_segments import has_flagged_segment
from unmask.training.scored_clip import ScoredClip


def clip_verdict(bundle: Bundle, scored: ScoredClip) -> Verdict:
    """Return the verdict that the bundle gives on a clip."""
    score = clip_score(scored.scores)
    basis = VerdictBasis(
        score.probability,
        scored_moments(score),
        has_flagged_segment(bundle, scored),
        find_obstacles(bundle, scored.footage),
    )
    return decide_verdict(basis, score.calibration_in_effect(bundle.calibration)).verdict
