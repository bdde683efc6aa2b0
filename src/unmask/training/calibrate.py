"""A bundle's temperature and verdict thresholds, from the validation clips."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.calibration import (
    Calibration,
    calibrate,
    fit_temperature,
    verdict_thresholds,
)
from unmask.preprocessing.cache import Cache
from unmask.records import Clip, ScoreRow
from unmask.training.scoring import score_split


def calibrate_bundle(
    bundle: Path, clips: Sequence[Clip], cache: Cache | None, verdict_error: float, out: Path
) -> Path:
    """Write the bundle again, calibrated on the ``val`` clips, to ``out``.

    Args:
        verdict_error: Share of either class that may be called the other.

    Raises:
        SingleClassError: The validation clips are all genuine, or all fake.
        DataError: There are none.
    """
    calibration = calibration_of(score_split(bundle, clips, "val", cache), verdict_error)
    save_bundle(out, replace(load_bundle(bundle), calibration=calibration))
    return out


def calibration_of(rows: Sequence[ScoreRow], verdict_error: float) -> Calibration:
    """Temperature and thresholds that fit ``rows``."""
    logits = np.array([row.logit for row in rows], np.float64)
    is_fake = np.array([row.is_fake for row in rows])
    temperature = fit_temperature(logits, is_fake)
    probabilities = calibrate(logits, temperature)
    return Calibration(temperature, *verdict_thresholds(probabilities, is_fake, verdict_error))
