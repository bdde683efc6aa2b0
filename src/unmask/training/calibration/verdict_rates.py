"""Error rates of a bundle's verdicts on labelled clips."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unmask.models.bundle import Bundle
from unmask.training.clip_verdict import clip_verdict
from unmask.training.scored_clip import ScoredClip


@dataclass(frozen=True, slots=True)
class VerdictRates:
    """Error rates of the bundle's verdicts on the test clips, beside the conformal guarantee.

    Attributes:
        target_fpr, target_fnr: Guaranteed on average over validation sets.
        fpr, fnr: Share of genuine clips called fake, and of fake clips called real.
        inconclusive_reals, inconclusive_fakes: Share of each class without a verdict.
        like_calibration: Share of clips whose footage is like the calibration clips; ``None`` for
            a bundle without a domain.
    """

    target_fpr: float
    target_fnr: float
    fpr: float
    fnr: float
    inconclusive_reals: float
    inconclusive_fakes: float
    like_calibration: float | None = None


def verdict_rates(bundle: Bundle, scored: Sequence[ScoredClip]) -> VerdictRates:
    """Compute how often the bundle's verdicts are wrong or inconclusive on labelled clips."""
    is_fake = np.array([clip.clip.is_fake for clip in scored])
    verdicts = np.array([clip_verdict(bundle, clip) for clip in scored])
    guarantee = bundle.calibration.guarantee
    fake, real = verdicts == "fake", verdicts == "real"
    return VerdictRates(
        target_fpr=guarantee.fpr,
        target_fnr=guarantee.fnr,
        fpr=float(fake[~is_fake].mean()),
        fnr=float(real[is_fake].mean()),
        inconclusive_reals=float((~fake & ~real)[~is_fake].mean()),
        inconclusive_fakes=float((~fake & ~real)[is_fake].mean()),
        like_calibration=None
        if bundle.domain is None
        else float(np.mean([bundle.domain.contains(clip.footage) for clip in scored])),
    )
