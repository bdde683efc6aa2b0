"""A bundle's Platt scaling, weight of lip-sync and verdict thresholds, from the validation clips.

All of it comes from the same clips, and so does the choice of the best epoch. Temperature and
bias are harmless to what the thresholds promise, since they change no order of scores; the
chosen epoch and weight favour these clips a little, so that on new ones the promise holds with
slightly more errors than it says. ``unmask uncertainty`` counts them on the test split.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.config import UncertaintySettings
from unmask.data.clips import cached
from unmask.evaluation.metrics import negative_log_likelihood
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.calibration import Calibration, calibrate, fit_platt
from unmask.models.conformal import conformal_thresholds
from unmask.models.scoring import SampleScore, clip_score, weighed
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.scoring import Scored, of_split, score_people

WEIGHTS = np.linspace(0.0, 1.0, 11)

Floats = NDArray[np.float64]


def calibrate_bundle(
    bundle: Path,
    clips: Sequence[Clip],
    cache: Cache | None,
    promise: UncertaintySettings,
    sync_weight: float,
    out: Path,
) -> Path:
    """Write the bundle again, calibrated on the ``val`` clips, to ``out``.

    Args:
        promise: How often a verdict may be wrong.
        sync_weight: Of lip-sync, where no other serves better.

    Raises:
        SingleClassError: The validation clips are all genuine, or all fake.
        DataError: There are none.
    """
    before = load_bundle(bundle)
    load = cached(before.preprocessing, cache)
    scored = score_people(before, of_split(clips, "val"), load)
    found = calibration_of(scored, promise, sync_weight)
    save_bundle(out, replace(before, calibration=found, uncertainty=promise))
    return out


def calibration_of(
    scored: Sequence[Scored], promise: UncertaintySettings, sync_weight: float
) -> Calibration:
    """Weight of lip-sync, temperature, bias and thresholds that fit ``scored``, in this order."""
    is_fake = np.array([one.clip.is_fake for one in scored])
    weight = _best_weight([one.scores for one in scored], is_fake, sync_weight)
    logits = _logits([one.scores for one in scored], weight)
    temperature, bias = fit_platt(logits, is_fake)
    probabilities = calibrate(logits, temperature, bias)
    low, high, guarantee = conformal_thresholds(probabilities, is_fake, promise.fpr, promise.fnr)
    return Calibration(temperature, low, high, weight, guarantee, bias)


def _best_weight(
    clips: Sequence[tuple[SampleScore, ...]], is_fake: NDArray[np.bool_], start: float
) -> float:
    """The weight of lip-sync under which the labels are likeliest, each with its own fit.

    Args:
        start: Taken where no other is better; 0 where nothing was said of lip-sync.
    """
    if all(score.sync_probability is None for clip in clips for score in clip):
        return 0.0

    def loss(weight: float) -> float:
        logits = _logits(clips, weight)
        return negative_log_likelihood(calibrate(logits, *fit_platt(logits, is_fake)), is_fake)

    return float(min([start, *WEIGHTS], key=loss))


def _logits(clips: Sequence[tuple[SampleScore, ...]], sync_weight: float) -> Floats:
    """Each clip's logit, its most fake person chosen under this weight."""
    chosen = [clip_score([weighed(score, sync_weight) for score in clip]) for clip in clips]
    return np.array([score.logit for score in chosen])
