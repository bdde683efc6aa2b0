"""Platt scaling with verdict thresholds and resamples, fitted to labelled logits."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unmask.config import UncertaintySettings
from unmask.models.calibration.conformal import conformal_thresholds
from unmask.models.calibration.platt import Calibration, apply_platt, fit_platt
from unmask.models.calibration.platt_resampling import resample_platt


def fit_scale(
    logits: NDArray[np.float64],
    is_fake: NDArray[np.bool_],
    target_rates: UncertaintySettings,
    people: Sequence[str],
) -> Calibration:
    """Fit temperature, bias, thresholds and their guarantee.

    Args:
        logits, is_fake: One per clip, shape ``(clips,)``.
        people: Person in each clip.

    Raises:
        SingleClassError: The clips are all genuine, or all fake.
    """
    temperature, bias = fit_platt(logits, is_fake)
    p, rates = apply_platt(logits, temperature, bias), (target_rates.fpr, target_rates.fnr)
    low, high, guarantee = conformal_thresholds(p, is_fake, people, rates)
    resamples = resample_platt(logits, is_fake, people)
    return Calibration(temperature, low, high, guarantee=guarantee, bias=bias, resamples=resamples)
