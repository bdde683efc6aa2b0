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
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.evaluation.metrics import negative_log_likelihood
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.calibration.conformal import conformal_thresholds
from unmask.models.calibration.platt import Calibration, apply_platt, fit_platt
from unmask.models.inference import SampleScore, decisive_score, with_sync_weight
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.calibration.segment_thresholds import fit_segment_thresholds
from unmask.training.score_clips import ScoredClip, score_clip_people, select_split

WEIGHTS = np.linspace(0.0, 1.0, 11)

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]


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
    before = replace(load_bundle(bundle), calibration=Calibration())
    load = make_feature_loader(before.preprocessing, cache)
    scored = score_clip_people(before, select_split(clips, "val"), load)
    found = fit_calibration(scored, promise, sync_weight)
    alarms = fit_segment_thresholds(before, scored, found.temperature, promise.fpr)
    found = _of_people(found, len({one.clip.identity for one in scored}))
    found = replace(found, alarms=alarms)
    save_bundle(out, replace(before, calibration=found, uncertainty=promise))
    return out


def fit_calibration(
    scored: Sequence[ScoredClip], promise: UncertaintySettings, sync_weight: float
) -> Calibration:
    """Weight of lip-sync, temperature, bias and thresholds that fit ``scored``, in this order.

    Clips whose lips can be judged fit the final score, and all of them that of the detectors
    alone, which lies elsewhere: it holds for clips in which no mouth moves with speech.
    """
    clips = [one.scores for one in scored]
    is_fake = np.array([one.clip.is_fake for one in scored])
    alone = _reading(_logits(clips, 0.0), is_fake, promise)
    judged = np.array([_is_judged(clip) for clip in clips])
    if len(set(is_fake[judged])) < 2:  # nothing to learn its weight from
        return alone
    told = [clip for clip, known in zip(clips, judged, strict=True) if known]
    weight = _best_weight(told, is_fake[judged], sync_weight)
    if not weight:
        return alone
    whole = _reading(_logits(told, weight), is_fake[judged], promise)
    return replace(whole, sync_weight=weight, alone=alone)


def _reading(logits: Floats, is_fake: Labels, promise: UncertaintySettings) -> Calibration:
    temperature, bias = fit_platt(logits, is_fake)
    probabilities = apply_platt(logits, temperature, bias)
    low, high, guarantee = conformal_thresholds(probabilities, is_fake, promise.fpr, promise.fnr)
    return Calibration(temperature, low, high, guarantee=guarantee, bias=bias)


def _is_judged(people: tuple[SampleScore, ...]) -> bool:
    return (
        decisive_score([with_sync_weight(score, 0.0) for score in people]).sync_probability
        is not None
    )


def _of_people(found: Calibration, people: int) -> Calibration:
    alone = None if found.alone is None else _of_people(found.alone, people)
    return replace(found, alone=alone, guarantee=replace(found.guarantee, people=people))


def _best_weight(clips: Sequence[tuple[SampleScore, ...]], is_fake: Labels, start: float) -> float:
    """The weight of lip-sync under which the labels are likeliest, each with its own fit.

    Args:
        start: Taken where no other is better.
    """

    def loss(weight: float) -> float:
        logits = _logits(clips, weight)
        return negative_log_likelihood(apply_platt(logits, *fit_platt(logits, is_fake)), is_fake)

    return float(min([start, *WEIGHTS], key=loss))


def _logits(clips: Sequence[tuple[SampleScore, ...]], sync_weight: float) -> Floats:
    """Each clip's logit, its most fake person chosen under this weight."""
    chosen = [
        decisive_score([with_sync_weight(score, sync_weight) for score in clip]) for clip in clips
    ]
    return np.array([score.logit for score in chosen])
