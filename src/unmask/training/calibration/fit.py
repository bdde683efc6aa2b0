"""Calibration of a bundle on validation clips, or on cross-fitted scores of all clips.

The lip-sync weight is chosen on the clips that chose the epoch. Platt scaling of every output, the
verdict thresholds, the segment thresholds and the domain are fitted on the other validation clips,
which share no person with them; see :mod:`unmask.data.validation_sets`.
``unmask eval calibration`` measures them on the test split.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from unmask.config import CalibrationPlan, UncertaintySettings
from unmask.data.splits import select_split
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.evaluation.metrics import negative_log_likelihood
from unmask.models.bundle import Bundle, save_bundle
from unmask.models.calibration.domain import CalibrationDomain, fit_domain
from unmask.models.calibration.platt import Calibration, PlattScale, apply_platt, fit_platt
from unmask.models.device_placement import load_on_accelerator
from unmask.models.genuine_features import mean_genuine_map
from unmask.models.inference import SampleScore, decisive_score, with_sync_weight
from unmask.models.scoring_bundle import CROSS_FIT_FOLDS, SELECTION_CLIPS, SHARED_VALIDATION
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import Clip
from unmask.training.calibration.calibration_sets import calibration_sets
from unmask.training.calibration.cross_fit import score_cross_fitted
from unmask.training.calibration.fit_scale import fit_scale
from unmask.training.calibration.missing_modalities import fit_missing_modalities
from unmask.training.calibration.output_scales import fit_output_scales
from unmask.training.calibration.segment_thresholds import fit_segment_thresholds
from unmask.training.score_clips import score_clip_people
from unmask.training.scored_clip import ScoredClip

GENUINE_CLIPS = 128  # enough for a mean, and minutes of work for a large backbone
SYNC_WEIGHTS = np.linspace(0.0, 1.0, 11)
CALIBRATION_FACTS = {CROSS_FIT_FOLDS, SELECTION_CLIPS, SHARED_VALIDATION}  # of the provenance

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]
PeopleScores = tuple[SampleScore, ...]  # of all people in one clip

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CalibrationScores:
    """Scores, without calibration, that a bundle is calibrated on.

    Attributes:
        select: Of the clips that the lip-sync weight is chosen on.
        calibrate: Of the clips that everything else is fitted on.
        facts: What the bundle's provenance says about them.
    """

    select: tuple[ScoredClip, ...]
    calibrate: tuple[ScoredClip, ...]
    facts: Mapping[str, str]


def calibrate_bundle(
    bundle: Path,
    clips: Sequence[Clip],
    cache: Cache | None,
    plan: CalibrationPlan,
    out: Path,
) -> Path:
    """Calibrate a bundle on ``val`` clips and write it to ``out``.

    A bundle of cross-fitted heads is calibrated on the ``train`` clips as well, see
    :func:`.cross_fit.score_cross_fitted`.

    Args:
        bundle: Directory of the bundle; a calibration that it has is replaced.

    Raises:
        SingleClassError: The clips are all genuine, or all fake.
        DataError: There are no validation clips.
    """
    rates = plan.rates
    uncalibrated = replace(load_on_accelerator(bundle), calibration=Calibration())
    scores = _score(uncalibrated, clips, cache, plan)
    if plan.training.cross_fit:  # its heads were replaced
        uncalibrated = replace(load_on_accelerator(bundle), calibration=Calibration())
    scored = scores.calibrate
    weight = choose_sync_weight(scores.select, plan.sync_weight)
    calibration = fit_calibration(scored, rates, weight).at_prevalence(rates.prevalence)
    rate_hz = uncalibrated.preprocessing.sampling.rate_hz
    fallback = PlattScale(calibration.detectors.temperature)
    outputs = fit_output_scales(scored, rate_hz, rates.prevalence, fallback)
    thresholds = fit_segment_thresholds(uncalibrated, scored, outputs, rates.flagged_per_hour)
    silent, unseen = _fit_missing_modalities(uncalibrated, scored, cache, plan)
    calibration = replace(calibration, silent=silent, unseen=unseen)
    calibration = replace(calibration, alarms=thresholds, outputs=outputs)
    facts = {k: v for k, v in uncalibrated.provenance.items() if k not in CALIBRATION_FACTS}
    calibrated = replace(
        uncalibrated,
        calibration=calibration,
        uncertainty=rates,
        domain=fit_footage_domain(scored, rates.fpr),
        provenance={**facts, **scores.facts},
        genuine_features=_genuine_features(uncalibrated, scored, cache),
    )
    save_bundle(out, calibrated)
    return out


def _score(
    bundle: Bundle, clips: Sequence[Clip], cache: Cache | None, plan: CalibrationPlan
) -> CalibrationScores:
    if folds := plan.training.cross_fit:
        developed = [clip for clip in clips if clip.split in ("train", "val")]
        load = make_feature_loader(bundle.preprocessing, cache, developed)
        scored = score_cross_fitted(bundle, developed, load, plan.training)
        return CalibrationScores(scored, scored, {CROSS_FIT_FOLDS: str(folds)})
    val = select_split(clips, "val")
    load = make_feature_loader(bundle.preprocessing, cache, val)
    scored = score_clip_people(bundle, val, load)
    sets = calibration_sets(bundle, clips, plan.rates)
    select, calibrate = (
        tuple(score for score in scored if score.clip in subset)
        for subset in (set(sets.select), set(sets.calibrate))
    )
    if sets.shared:
        log.warning("%s; one set does both, and the rates hold approximately", sets.shared)
        return CalibrationScores(select, calibrate, {SHARED_VALIDATION: sets.shared})
    return CalibrationScores(select, calibrate, {SELECTION_CLIPS: str(len(select))})


def _genuine_features(
    bundle: Bundle, scored: Sequence[ScoredClip], cache: Cache | None
) -> dict[str, Tensor]:
    """Return the mean features of the genuine clips, at most ``GENUINE_CLIPS`` of them."""
    genuine = [clip.clip for clip in scored if not clip.clip.is_fake]
    step = -(-len(genuine) // GENUINE_CLIPS) or 1
    load = make_feature_loader(bundle.preprocessing, cache, genuine[::step])
    samples = (to_model_inputs(load(clip)) for clip in genuine[::step])
    return mean_genuine_map(bundle.first_member, chain.from_iterable(samples))


def _fit_missing_modalities(
    bundle: Bundle, scored: Sequence[ScoredClip], cache: Cache | None, plan: CalibrationPlan
) -> tuple[Calibration | None, Calibration | None]:
    """Return none for cross-fitted heads, whose validation clips fitted the heads."""
    if plan.training.cross_fit:
        return None, None
    clips = [score.clip for score in scored]
    load = make_feature_loader(bundle.preprocessing, cache, clips)
    return fit_missing_modalities(bundle, clips, load, plan.rates)


def fit_footage_domain(scored: Sequence[ScoredClip], rate: float) -> CalibrationDomain | None:
    """Fit the footage that is like the clips; see :func:`fit_domain`."""
    facts = np.stack([clip.footage for clip in scored])
    people = [clip.clip.identity for clip in scored]
    return fit_domain(facts, people, rate)


def choose_sync_weight(scored: Sequence[ScoredClip], default: float) -> float:
    """Return the lip-sync weight of the highest likelihood.

    Args:
        default: Weight to use where no other is better.

    Returns:
        0 where clips with a lip-sync score are all genuine, or all fake.
    """
    with_sync = [clip for clip in scored if _has_sync_score(clip.scores)]
    is_fake = np.array([clip.clip.is_fake for clip in with_sync])
    if len(set(is_fake)) < 2:  # the weight cannot be fitted on one class
        return 0.0
    return _best_sync_weight([clip.scores for clip in with_sync], is_fake, default)


def fit_calibration(
    scored: Sequence[ScoredClip], target_rates: UncertaintySettings, sync_weight: float
) -> Calibration:
    """Fit temperature, bias and verdict thresholds, in this order.

    Clips with a lip-sync score fit the calibration of the final score. All clips fit a second
    one for the detectors alone, whose scores are distributed differently; it applies to clips
    in which no mouth moves with speech.

    Args:
        sync_weight: See :func:`choose_sync_weight`. Without clips of both classes that have a
            lip-sync score it is 0.

    Raises:
        SingleClassError: The clips are all genuine, or all fake.
    """
    people = [clip.scores for clip in scored]
    is_fake = np.array([clip.clip.is_fake for clip in scored])
    names = np.array([clip.clip.identity for clip in scored])
    detectors = fit_scale(_logits(people, 0.0), is_fake, target_rates, names.tolist())
    has_sync = np.array([_has_sync_score(scores) for scores in people])
    if not sync_weight or len(set(is_fake[has_sync])) < 2:
        return detectors
    with_sync = [scores for scores, known in zip(people, has_sync, strict=True) if known]
    logits, own = _logits(with_sync, sync_weight), names[has_sync].tolist()
    final = fit_scale(logits, is_fake[has_sync], target_rates, own)
    return replace(final, sync_weight=sync_weight, alone=detectors)


def _has_sync_score(people: PeopleScores) -> bool:
    decisive = decisive_score([with_sync_weight(score, 0.0) for score in people])
    return decisive.sync_probability is not None


def _best_sync_weight(clips: Sequence[PeopleScores], is_fake: Labels, default: float) -> float:
    """Return the lip-sync weight of the highest likelihood, each with its own Platt fit.

    Args:
        default: Returned where no other is better.
    """

    def loss(weight: float) -> float:
        logits = _logits(clips, weight)
        return negative_log_likelihood(apply_platt(logits, *fit_platt(logits, is_fake)), is_fake)

    return float(min([default, *SYNC_WEIGHTS], key=loss))


def _logits(clips: Sequence[PeopleScores], sync_weight: float) -> Floats:
    """Return the logit of each clip's decisive person under a lip-sync weight."""
    decisive = [
        decisive_score([with_sync_weight(score, sync_weight) for score in people])
        for people in clips
    ]
    return np.array([score.logit for score in decisive])
