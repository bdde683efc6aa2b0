"""Which way of being unsure is the most honest: temperature, Platt scaling, MC-dropout, ensemble.

Guo et al., ICML 2017, for the temperature; Ovadia et al., "Can You Trust Your Model's Uncertainty?
Evaluating Predictive Uncertainty Under Dataset Shift", NeurIPS 2019, for the comparison. Whatever
is fitted is fitted on the validation clips, and everything is measured on the test clips.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.data.torch.evaluation_set import FeatureLoader
from unmask.evaluation import metrics
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration, apply_platt, fit_platt, fit_temperature
from unmask.models.ensemble.pooling import average_in_probability
from unmask.models.inference import SampleScore, decisive_score, with_sync_weight
from unmask.records import Clip
from unmask.training.calibration.segment_thresholds import peak_segment_scores
from unmask.training.score_clips import ScoredClip, score_clip_people, select_split

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]
Fit = Callable[[Floats, Labels], tuple[float, float]]

FITS: dict[str, Fit] = {
    "": lambda logits, is_fake: (1.0, 0.0),
    ", temperature": lambda logits, is_fake: (fit_temperature(logits, is_fake), 0.0),
    ", Platt": fit_platt,
}


@dataclass(frozen=True, slots=True)
class CalibrationMetrics:
    """How far probabilities of one kind can be taken at their word.

    Attributes:
        temperature, bias: Fitted on validation; 1 and 0 where the kind does without.
        ece_by_chance: Calibration error that a perfect detector would show on so few clips.
        nll: In nats.
    """

    kind: str
    temperature: float
    bias: float
    auc: float
    ece: float
    ece_by_chance: float
    brier: float
    nll: float


@dataclass(frozen=True, slots=True)
class VerdictRates:
    """What the bundle's thresholds did to clips that they were not fitted on, beside the promise.

    Attributes:
        fpr, fnr: Share of genuine clips called fake, and of fakes called real.
        unsure_reals, unsure_fakes: Share of either that stayed inconclusive.
    """

    promised_fpr: float
    promised_fnr: float
    fpr: float
    fnr: float
    unsure_reals: float
    unsure_fakes: float


@dataclass(frozen=True, slots=True)
class FlaggedRates:
    """How often one kind of evidence has a stretch that stands out, in clips not fitted on.

    Attributes:
        promised: Share of genuine clips; 0 where nothing is promised.
        genuine, fake: Share of each; ``None`` where no such clip holds that evidence.
    """

    kind: str
    above: float
    promised: float
    genuine: float | None
    fake: float | None


@dataclass(frozen=True, slots=True)
class CalibrationComparison:
    """The comparison.

    Attributes:
        calibration_clips, clips: In the validation and in the test split.
        passes: Of MC-dropout by each member.
        spread_finds_errors: AUC of the spread of the passes in telling clips on the wrong side
            of one half from those on the right one; ``None`` where there is but one kind.
    """

    calibration_clips: int
    clips: int
    members: int
    passes: int
    rows: tuple[CalibrationMetrics, ...]
    verdicts: VerdictRates
    outstanding: tuple[FlaggedRates, ...]
    error_detection_auc: float | None


def compare_calibration(
    bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader, passes: int, bins: int
) -> CalibrationComparison:
    """Score both splits and hold every way of being unsure against the labels.

    Args:
        load: Gives a clip's features; see :func:`unmask.data.torch.evaluation_set.cached`.
        bins: Of the calibration error.

    Raises:
        SingleClassError: A split's clips are all genuine, or all fake.
        DataError: A split has no clip that can be scored.
    """
    known, asked = (
        score_clip_people(bundle, select_split(clips, split), load, passes)
        for split in ("val", "test")
    )
    val, test = _decisive(known), _decisive(asked)
    rows = tuple(
        _measured(f"{kind}{fit}", logit_of, (val, test), fitted, bins)
        for kind, logit_of in _kinds(bundle, passes).items()
        for fit, fitted in FITS.items()
    )
    return CalibrationComparison(
        calibration_clips=len(val),
        clips=len(test),
        members=len(bundle.members),
        passes=passes,
        rows=rows,
        verdicts=verdicts_of(test, bundle.calibration),
        outstanding=tuple(_outstanding(bundle, asked)),
        error_detection_auc=_spread_finds_errors(test),
    )


Answer = tuple[SampleScore, bool]  # of a clip's decisive person, and whether the clip is fake


def _decisive(scored: Sequence[ScoredClip]) -> list[Answer]:
    return [(decisive_score(one.scores), one.clip.is_fake) for one in scored]


def _kinds(bundle: Bundle, passes: int) -> dict[str, Callable[[SampleScore], float]]:
    """How each kind makes one logit of a clip's answers."""

    def dropped(score: SampleScore) -> Floats:
        return score.member_logits if score.pass_logits is None else score.pass_logits

    kinds: dict[str, Callable[[SampleScore], float]] = {
        "one detector": lambda score: float(score.member_logits[0]),
    }
    if passes:
        kinds["MC-dropout"] = lambda score: float(average_in_probability(dropped(score)[:passes]))
    if len(bundle.members) > 1:
        kinds["ensemble"] = lambda score: float(average_in_probability(score.member_logits))
        if passes:
            kinds["ensemble, MC-dropout"] = lambda score: float(
                average_in_probability(dropped(score))
            )
    if bundle.sync is not None:
        weight = bundle.calibration.sync_weight
        kinds["with lip-sync"] = lambda score: with_sync_weight(score, weight).logit
    return kinds


def _measured(
    kind: str,
    logit_of: Callable[[SampleScore], float],
    splits: tuple[list[Answer], list[Answer]],
    fitted: Fit,
    bins: int,
) -> CalibrationMetrics:
    (known, known_fake), (asked, is_fake) = (_columns(split, logit_of) for split in splits)
    temperature, bias = fitted(known, known_fake)
    p = apply_platt(asked, temperature, bias)
    chance = metrics.expected_ece_under_calibration(p, bins, np.random.default_rng(0))
    return CalibrationMetrics(
        kind=kind,
        temperature=temperature,
        bias=bias,
        auc=metrics.roc_auc(asked, is_fake),
        ece=metrics.expected_calibration_error(p, is_fake, bins),
        ece_by_chance=chance,
        brier=metrics.brier_score(p, is_fake),
        nll=metrics.negative_log_likelihood(p, is_fake),
    )


def verdicts_of(answers: Sequence[Answer], calibration: Calibration) -> VerdictRates:
    """Count what the thresholds say of clips of known label."""
    p, is_fake = _columns(answers, lambda score: score.probability)
    readings = [calibration.for_clip(score.sync_probability) for score, _ in answers]
    fake = p > np.array([reading.fake_above for reading in readings])
    real = p < np.array([reading.real_below for reading in readings])
    return VerdictRates(
        promised_fpr=calibration.guarantee.fpr,
        promised_fnr=calibration.guarantee.fnr,
        fpr=float(fake[~is_fake].mean()),
        fnr=float(real[is_fake].mean()),
        unsure_reals=float((~fake & ~real)[~is_fake].mean()),
        unsure_fakes=float((~fake & ~real)[is_fake].mean()),
    )


def _outstanding(bundle: Bundle, scored: Sequence[ScoredClip]) -> Iterator[FlaggedRates]:
    promised = bundle.calibration.guarantee.fpr
    for kind, above in asdict(bundle.calibration.alarms).items():
        shares = []
        for of_fakes in (False, True):
            clips = [
                peak_segment_scores(bundle, one) for one in scored if one.clip.is_fake == of_fakes
            ]
            known = [clip[kind] > above for clip in clips if kind in clip]
            shares.append(float(np.mean(known)) if known else None)
        if shares != [None, None]:
            yield FlaggedRates(kind, above, promised, *shares)


def _spread_finds_errors(answers: Sequence[Answer]) -> float | None:
    spreads = [score.passes.std() for score, _ in answers if score.passes is not None]
    p, is_fake = _columns(answers, lambda score: score.probability)
    wrong = (p > 0.5) != is_fake
    if len(spreads) < len(answers) or wrong.all() or not wrong.any():
        return None
    return metrics.roc_auc(np.array(spreads), wrong)


def _columns(
    answers: Sequence[Answer], value_of: Callable[[SampleScore], float]
) -> tuple[Floats, Labels]:
    values, labels = zip(*((value_of(score), is_fake) for score, is_fake in answers), strict=True)
    return np.array(values, np.float64), np.array(labels, np.bool_)
