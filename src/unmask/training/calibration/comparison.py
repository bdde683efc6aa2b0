"""Comparison of uncertainty estimates: temperature and Platt scaling, MC-dropout, ensemble.

Temperature scaling: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017. The
comparison: Ovadia et al., "Can You Trust Your Model's Uncertainty? Evaluating Predictive
Uncertainty Under Dataset Shift", NeurIPS 2019. Fits use the validation clips that calibrate the
bundle, measurements the test clips.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.config import EvaluationSettings
from unmask.data.splits import select_split
from unmask.data.torch.evaluation_set import FeatureLoader
from unmask.evaluation import metrics
from unmask.evaluation.measured_verdicts import MeasuredVerdicts, measure_verdicts
from unmask.evaluation.member_diversity import MemberDiversity, measure_diversity
from unmask.evaluation.slices import PartOfClips, list_sources_and_kinds
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import apply_platt, fit_platt, fit_temperature
from unmask.models.ensemble.pooling import average_in_probability
from unmask.models.evidence_lines import KINDS
from unmask.models.inference import SampleScore, decisive_score, with_sync_weight
from unmask.records import Clip
from unmask.training.calibration.calibration_sets import calibration_sets
from unmask.training.flagged_segments import count_flagged
from unmask.training.score_clips import score_clip_people, to_score_row
from unmask.training.scored_clip import ScoredClip

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]
Fit = Callable[[Floats, Labels], tuple[float, float]]
LabelledScore = tuple[SampleScore, bool]  # of a clip's decisive person; whether the clip is fake

FITS: dict[str, Fit] = {
    "": lambda logits, is_fake: (1.0, 0.0),
    ", temperature": lambda logits, is_fake: (fit_temperature(logits, is_fake), 0.0),
    ", Platt": fit_platt,
}


@dataclass(frozen=True, slots=True)
class CalibrationMetrics:
    """Metrics of one kind of probability on the test clips.

    Attributes:
        kind: Source of the logit and its scaling, such as ``ensemble, Platt``.
        temperature, bias: Fitted on validation; 1 and 0 without scaling.
        ece_by_chance: ECE that a perfectly calibrated detector would show on as few clips.
        nll: Negative log-likelihood in nats.
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
class FlaggedRates:
    """How often the test clips have a flagged segment of one kind of evidence.

    Attributes:
        kind: ``video``, ``audio`` or ``lip_sync``.
        threshold: Segment threshold.
        target_per_hour: Flagged segments per hour of genuine footage, at most; 0 where the bundle
            states none.
        per_hour: The same as measured on the genuine clips with that evidence; ``None`` without.
        genuine, fake: Share of the clips of each class with one; ``None`` where no such clip has
            that evidence.
    """

    kind: str
    threshold: float
    target_per_hour: float
    per_hour: float | None
    genuine: float | None
    fake: float | None


@dataclass(frozen=True, slots=True)
class SourceCalibration(PartOfClips):
    """The rows on the test clips of one data set; none where nothing is measured."""

    rows: tuple[CalibrationMetrics, ...] = ()


@dataclass(frozen=True, slots=True)
class CalibrationComparison:
    """Uncertainty estimates of one bundle compared.

    Attributes:
        calibration_clips, clips: Clips that calibrate, and test clips.
        passes: MC-dropout passes of each member.
        verdicts: Rates of wrong and withheld verdicts beside those that were promised.
        like_calibration: Share of test clips whose footage is like the calibration clips; ``None``
            for a bundle without a domain.
        sources: The rows per data set and kind, with the same fits; empty in files before 0.3.
        error_detection_auc: AUC of the spread of the passes in finding clips on the wrong side
            of one half; ``None`` without passes, or where all clips are right or all wrong.
        diversity: How differently the members judge the test clips; ``None`` for a single one.
    """

    calibration_clips: int
    clips: int
    members: int
    passes: int
    rows: tuple[CalibrationMetrics, ...]
    verdicts: MeasuredVerdicts | None
    like_calibration: float | None
    flagged: tuple[FlaggedRates, ...]
    error_detection_auc: float | None
    sources: tuple[SourceCalibration, ...] = ()
    diversity: MemberDiversity | None = None


def compare_calibration(
    bundle: Bundle,
    clips: Sequence[Clip],
    load: FeatureLoader,
    passes: int,
    settings: EvaluationSettings,
) -> CalibrationComparison:
    """Fit every uncertainty estimate on validation and measure it on test.

    Args:
        load: Loads the features of a clip; see
            :func:`unmask.data.torch.evaluation_set.make_feature_loader`.
        passes: MC-dropout passes of each member.
        settings: Bins of the calibration error, and level of the intervals.

    Raises:
        SingleClassError: A split's clips are all genuine, or all fake.
        DataError: A split has no clip that can be scored.
    """
    calibrating = calibration_sets(bundle, clips, bundle.uncertainty).calibrate
    val_clips, test_clips = (
        score_clip_people(bundle, subset, load, passes)
        for subset in (calibrating, select_split(clips, "test"))
    )
    val, test = _decisive_scores(val_clips), _decisive_scores(test_clips)

    def measure(scores: list[LabelledScore]) -> tuple[CalibrationMetrics, ...]:
        return tuple(
            _measure(f"{kind}{scaling}", logit_of, (val, scores), fit, settings.bins)
            for kind, logit_of in _logit_kinds(bundle, passes).items()
            for scaling, fit in FITS.items()
        )

    return CalibrationComparison(
        calibration_clips=len(val),
        clips=len(test),
        members=len(bundle.members),
        passes=passes,
        rows=measure(test),
        verdicts=_measure_verdicts(bundle, test_clips, settings.confidence),
        like_calibration=None
        if bundle.domain is None
        else float(np.mean([bundle.domain.contains(clip.footage) for clip in test_clips])),
        flagged=tuple(_flagged_rates(bundle, test_clips)),
        error_detection_auc=_error_detection_auc(test),
        sources=tuple(
            SourceCalibration(
                **asdict(part),
                rows=() if part.not_measured else measure([test[index] for index in indices]),
            )
            for part, indices in list_sources_and_kinds([scored.clip for scored in test_clips])
        ),
        diversity=measure_diversity(
            [score.member_logits for score, _ in test], np.array([is_fake for _, is_fake in test])
        ),
    )


def _measure_verdicts(
    bundle: Bundle, scored: Sequence[ScoredClip], confidence: float
) -> MeasuredVerdicts | None:
    verdicts = measure_verdicts([to_score_row(clip, bundle) for clip in scored], confidence)
    guarantee = bundle.calibration.guarantee
    return verdicts and verdicts.beside_promise(guarantee.fpr, guarantee.fnr)


def _decisive_scores(scored: Sequence[ScoredClip]) -> list[LabelledScore]:
    return [(decisive_score(clip.scores), clip.clip.is_fake) for clip in scored]


def _logit_kinds(bundle: Bundle, passes: int) -> dict[str, Callable[[SampleScore], float]]:
    """Return each kind of logit and how it follows from a score."""

    def pass_logits(score: SampleScore) -> Floats:
        return score.member_logits if score.pass_logits is None else score.pass_logits

    def average(logits: Floats) -> float:
        return float(average_in_probability(logits))

    kinds: dict[str, Callable[[SampleScore], float]] = {
        "one detector": lambda score: float(score.member_logits[0]),
    }
    if passes:
        kinds["MC-dropout"] = lambda score: average(pass_logits(score)[:passes])
    if len(bundle.members) > 1:
        kinds["ensemble"] = lambda score: average(score.member_logits)
        if passes:
            kinds["ensemble, MC-dropout"] = lambda score: average(pass_logits(score))
    if bundle.sync is not None:
        weight = bundle.calibration.sync_weight
        kinds["with lip-sync"] = lambda score: with_sync_weight(score, weight).logit
    return kinds


def _measure(
    kind: str,
    logit_of: Callable[[SampleScore], float],
    splits: tuple[list[LabelledScore], list[LabelledScore]],
    fit: Fit,
    bins: int,
) -> CalibrationMetrics:
    (val_logits, val_is_fake), (logits, is_fake) = (_columns(split, logit_of) for split in splits)
    temperature, bias = fit(val_logits, val_is_fake)
    p = apply_platt(logits, temperature, bias)
    chance = metrics.expected_ece_under_calibration(p, bins, np.random.default_rng(0))
    return CalibrationMetrics(
        kind=kind,
        temperature=temperature,
        bias=bias,
        auc=metrics.roc_auc(logits, is_fake),
        ece=metrics.expected_calibration_error(p, is_fake, bins),
        ece_by_chance=chance,
        brier=metrics.brier_score(p, is_fake),
        nll=metrics.negative_log_likelihood(p, is_fake),
    )


def _flagged_rates(bundle: Bundle, scored: Sequence[ScoredClip]) -> Iterator[FlaggedRates]:
    alarms = bundle.calibration.alarms
    for kind in KINDS:
        threshold: float = getattr(alarms, kind)
        clips = [(clip, count_flagged(bundle, clip, kind)) for clip in scored]
        counts = {
            label: [
                count for clip, count in clips if count is not None and clip.clip.is_fake is label
            ]
            for label in (False, True)
        }
        shares = [float(np.mean(np.array(own) > 0)) if own else None for own in counts.values()]
        seconds = sum(
            clip.end_s for clip, count in clips if count is not None and not clip.clip.is_fake
        )
        rate = 3600 * sum(counts[False]) / seconds if seconds else None
        if shares != [None, None]:
            yield FlaggedRates(kind, threshold, alarms.per_hour, rate, *shares)


def _error_detection_auc(scores: Sequence[LabelledScore]) -> float | None:
    passes = [score.pass_probabilities for score, _ in scores]
    spreads = [values.std() for values in passes if values is not None]
    p, is_fake = _columns(scores, lambda score: score.probability)
    wrong = (p > 0.5) != is_fake
    if len(spreads) < len(scores) or wrong.all() or not wrong.any():
        return None
    return metrics.roc_auc(np.array(spreads), wrong)


def _columns(
    scores: Sequence[LabelledScore], value_of: Callable[[SampleScore], float]
) -> tuple[Floats, Labels]:
    values, labels = zip(*((value_of(score), is_fake) for score, is_fake in scores), strict=True)
    return np.array(values, np.float64), np.array(labels, np.bool_)
