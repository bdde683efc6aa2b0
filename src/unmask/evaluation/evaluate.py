"""Evaluation of a detector from its scores, without the detector itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from unmask.config import EvaluationSettings
from unmask.errors import DataError
from unmask.evaluation import metrics
from unmask.evaluation.auc_estimate import AucEstimate, UnmeasuredAuc
from unmask.evaluation.bootstrap import Resampling, estimate_auc, estimate_metrics
from unmask.evaluation.calibration_test import ece_p_value
from unmask.evaluation.cross_dataset import CrossEvaluation
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.localisation_report import LocalisationReport
from unmask.evaluation.measured_verdicts import MeasuredVerdicts, measure_verdicts
from unmask.evaluation.metric_keys import to_metric_key, to_metric_keys
from unmask.evaluation.metrics import Labels, Scores
from unmask.evaluation.output_calibration import (
    LabelledOutput,
    OutputCalibration,
    at_own_share,
    measure_outputs,
    outputs_of_rows,
)
from unmask.evaluation.resampled_metrics import (
    Counts,
    resampled_calibration_errors,
    resampled_roc,
)
from unmask.evaluation.sample_size import merge_people, shortage_of_rows
from unmask.evaluation.slices import SliceKind, list_levels, list_slices, name_missing_class
from unmask.records import SPLITS, ScoreRow

COUNTS = ("clips", "fakes", "reals", "identities")
METRICS = ("eer", "fpr95", "ece_by_chance", "ece_excess", "brier", "nll")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics of a detector on one split.

    Attributes:
        identities: People in the split, the unit of resampling.
        confidence: Level of every interval, in ``(0, 1)``.
        bins: Number of bins of the calibration error.
        auc: AUC of the logits before calibration; its interval is ``auc_low`` to ``auc_high``.
        eer: Equal error rate.
        fpr95: False positive rate at a true positive rate of 95 %.
        ece: Expected calibration error; its interval is ``ece_low`` to ``ece_high``.
        ece_by_chance: ECE that a perfectly calibrated detector would show on as few clips.
        nll: Negative log-likelihood in nats.
        by_manipulation: Each kind of fake against the genuine clips of its source, by
            ``SOURCE/KIND`` where there are several sources, else by its kind.
        by_source: Fakes against genuine clips of each data set, by its name; one with clips of a
            single class says so.
        by_modality: Clips whose ``video`` or ``audio`` is fake against those whose is not, by
            the probability of that modality alone; without modalities that have no labels or
            a single class.
        fpr95_by_source: ``fpr95`` of each data set with genuine and fake clips.
        ece_p_value: Probability that a perfectly calibrated detector has such an ECE or a larger
            one; see :func:`unmask.evaluation.calibration_test.ece_p_value`.
        by_compression: Each compression level of a source with several, named like the kinds; one
            with clips of a single class says so.
        levels: Compression levels of each source, none where it names none. Its keys are all
            sources of the clips.
        cross_dataset: Metrics on data sets that the detector was not trained on. Files of before
            version 0.3 lack this field, the five above and all below.
        outputs: Calibration of each output by its own label: clip, face, voice, frame, second.
        verdicts: Verdicts on the clips counted.
        localisation: How well forged segments are found.
        own_forgeries: This project's forgeries against their re-encoded controls, by split. They
            are in no other metric.
        shortage: Why there are too few clips for intervals and gates; empty if there are enough.
    """

    split: str
    clips: int
    fakes: int
    reals: int
    identities: int
    confidence: float
    bins: int
    auc: float
    auc_low: float | None
    auc_high: float | None
    eer: float
    fpr95: float
    ece: float
    ece_by_chance: float
    brier: float
    nll: float
    by_manipulation: Mapping[str, AucEstimate] = field(default_factory=dict)
    by_modality: Mapping[str, AucEstimate] = field(default_factory=dict)
    by_source: Mapping[str, AucEstimate | UnmeasuredAuc] = field(default_factory=dict)
    fpr95_by_source: Mapping[str, Estimate] = field(default_factory=dict)
    by_compression: Mapping[str, AucEstimate | UnmeasuredAuc] = field(default_factory=dict)
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ece_low: float | None = None
    ece_high: float | None = None
    ece_p_value: float | None = None
    cross_dataset: CrossEvaluation | None = None
    own_forgeries: Mapping[str, AucEstimate] = field(default_factory=dict)
    outputs: Mapping[str, OutputCalibration] = field(default_factory=dict)
    verdicts: MeasuredVerdicts | None = None
    localisation: LocalisationReport | None = None
    shortage: str = ""

    @property
    def auc_estimate(self) -> AucEstimate:
        """AUC of all clips with its interval."""
        return AucEstimate(self.auc, self.auc_low, self.auc_high, self.fakes, self.reals)

    @property
    def ece_estimate(self) -> Estimate:
        """ECE with its interval."""
        return Estimate(self.ece, self.ece_low, self.ece_high)

    @property
    def ece_excess(self) -> float:
        """ECE beyond ``ece_by_chance``, at least 0."""
        return max(self.ece - self.ece_by_chance, 0.0)

    def beside_promise(self, fpr: float, fnr: float) -> "Evaluation":
        """Return the evaluation with the error rates that verdicts promised; 0 for no promise."""
        if self.verdicts is None:
            return self
        return replace(self, verdicts=self.verdicts.beside_promise(fpr, fnr))

    def to_metrics(self) -> dict[str, float]:
        """Return all numbers under flat keys, for a tracking server.

        `mlflow/README.md` lists the keys. Characters that a key must not hold become underscores.
        """
        estimates: dict[str, Estimate | UnmeasuredAuc] = {
            "auc": self.auc_estimate,
            "ece": self.ece_estimate,
        }
        estimates |= {
            f"auc_{to_metric_key(name)}": auc for name, auc in self.by_manipulation.items()
        }
        estimates |= {f"auc_modality_{name}": auc for name, auc in self.by_modality.items()}
        estimates |= {
            f"auc_compression_{to_metric_key(name)}": auc
            for name, auc in self.by_compression.items()
        }
        estimates |= {f"auc_own_forgeries_{name}": auc for name, auc in self.own_forgeries.items()}
        estimates |= {f"ece_output_{name}": output.ece for name, output in self.outputs.items()}
        for key, by_source in (("auc", self.by_source), ("fpr95", self.fpr95_by_source)):
            estimates |= {
                f"{key}_source_{to_metric_key(name)}": value for name, value in by_source.items()
            }
        values = {name: float(getattr(self, name)) for name in (*COUNTS, *METRICS)}
        for name, estimate in estimates.items():
            values |= estimate.to_metrics(name)
        for name, auc in self.by_source.items():
            key = f"source_{to_metric_key(name)}"
            values |= {f"fakes_{key}": float(auc.fakes), f"reals_{key}": float(auc.reals)}
        if self.ece_p_value is not None:
            values["ece_p_value"] = self.ece_p_value
        if self.verdicts is not None:
            values |= self.verdicts.to_metrics()
        if self.localisation is not None:
            values |= self.localisation.to_metrics()
        if self.cross_dataset is not None:
            values |= to_metric_keys(self.cross_dataset.to_metrics())
        return values


def evaluate(
    rows: Sequence[ScoreRow],
    settings: EvaluationSettings,
    seed: int,
    outputs: Mapping[str, LabelledOutput] | None = None,
) -> Evaluation:
    """Evaluate a detector on its scores of one split.

    Ranking (AUC, EER, FPR) is measured on logits, because high probabilities round to the same
    number; calibration is measured on probabilities, stated for the share of fakes among the rows.

    Args:
        seed: Seed of the resampling.
        outputs: Further outputs whose calibration is measured, such as those of frames.

    Raises:
        SingleClassError: There is no genuine or no fake clip.
        DataError: Rows of several splits, a clip twice, or a score that is not finite.
    """
    shortage, whole = shortage_of_rows(rows, settings), rows
    rows = merge_people(rows) if shortage else rows
    logits, is_fake = _logits_and_labels(rows)
    prevalence, further = rows[0].prevalence, dict(outputs or {})
    probabilities = at_own_share(np.array([r.probability for r in rows]), is_fake, prevalence)
    auc = _estimate(rows, logits, is_fake, settings, seed)
    ece = _estimate_ece(rows, probabilities, is_fake, settings, seed)
    return Evaluation(
        split=_common_split(rows),
        clips=len(rows),
        fakes=auc.fakes,
        reals=auc.reals,
        identities=len({row.identity for row in whole}),
        confidence=settings.confidence,
        bins=settings.bins,
        auc=auc.value,
        auc_low=auc.low,
        auc_high=auc.high,
        eer=metrics.equal_error_rate(logits, is_fake),
        fpr95=metrics.fpr_at_tpr(logits, is_fake, 0.95),
        ece=ece.value,
        ece_low=ece.low,
        ece_high=ece.high,
        ece_p_value=ece_p_value(probabilities, is_fake, settings.bins, np.random.default_rng(seed)),
        ece_by_chance=metrics.expected_ece_under_calibration(
            probabilities, settings.bins, np.random.default_rng(seed)
        ),
        brier=metrics.brier_score(probabilities, is_fake),
        nll=metrics.negative_log_likelihood(probabilities, is_fake),
        by_manipulation=dict(_by_manipulation(rows, settings, seed)),
        by_modality=dict(_by_modality(rows, settings, seed)),
        by_compression=dict(_by_compression(rows, settings, seed)),
        levels=_levels(rows),
        outputs=measure_outputs(outputs_of_rows(rows) | further, prevalence, settings, seed),
        verdicts=measure_verdicts(whole, settings.confidence),
        shortage=shortage,
        by_source=dict(_by_source(rows, settings, seed)),
        fpr95_by_source=dict(_fpr95_by_source(rows, settings, seed)),
    )


def measure_splits(
    rows: Sequence[ScoreRow], settings: EvaluationSettings, seed: int
) -> dict[str, AucEstimate]:
    """Estimate the AUC of each split with genuine and fake clips.

    Args:
        seed: Seed of the resampling.
    """
    subsets = [(name, [row for row in rows if row.split == name]) for name in SPLITS]
    return {
        name: _estimate(subset, *_logits_and_labels(subset), settings, seed)
        for name, subset in subsets
        if _has_both(subset)
    }


def auc_of_rows(rows: Sequence[ScoreRow]) -> float:
    """Compute the AUC of the logits, see :func:`unmask.evaluation.metrics.roc_auc`."""
    return metrics.roc_auc(*_logits_and_labels(rows))


def _common_split(rows: Sequence[ScoreRow]) -> str:
    splits = sorted({row.split for row in rows})
    if len(splits) != 1:
        raise DataError(f"scores belong to {len(splits)} splits {splits}; evaluate one at a time")
    if len({row.clip_id for row in rows}) != len(rows):
        raise DataError("a clip occurs more than once in the scores; keep one row per clip")
    return splits[0]


def _logits_and_labels(rows: Sequence[ScoreRow]) -> tuple[Scores, Labels]:
    return np.array([row.logit for row in rows]), np.array([row.is_fake for row in rows])


def _has_both(rows: Sequence[ScoreRow]) -> bool:
    return len({row.is_fake for row in rows}) == 2


def _by_slice(rows: Sequence[ScoreRow], kind: SliceKind) -> Iterator[tuple[str, list[ScoreRow]]]:
    for part in list_slices(rows):
        if part.kind == kind:
            yield part.name, [rows[index] for index in part.indices]


def _by_manipulation(
    rows: Sequence[ScoreRow], settings: EvaluationSettings, seed: int
) -> Iterator[tuple[str, AucEstimate]]:
    for name, subset in _by_slice(rows, "manipulation"):
        yield name, _estimate(subset, *_logits_and_labels(subset), settings, seed)


def _by_source(
    rows: Sequence[ScoreRow], settings: EvaluationSettings, seed: int
) -> Iterator[tuple[str, AucEstimate | UnmeasuredAuc]]:
    for name, subset in _sources(rows):
        yield name, _estimate_if_both(subset, settings, seed)


def _by_compression(
    rows: Sequence[ScoreRow], settings: EvaluationSettings, seed: int
) -> Iterator[tuple[str, AucEstimate | UnmeasuredAuc]]:
    """Yield the AUC of each compression level of the sources with several."""
    for name, subset in _by_slice(rows, "compression"):
        if len(list_levels(rows, subset[0].source)) > 1:
            yield name, _estimate_if_both(subset, settings, seed)


def _levels(rows: Sequence[ScoreRow]) -> dict[str, tuple[str, ...]]:
    return {name: list_levels(rows, name) for name in sorted({row.source for row in rows})}


def _sources(rows: Sequence[ScoreRow]) -> Iterator[tuple[str, list[ScoreRow]]]:
    """Yield the rows of each data set with a name."""
    return ((name, subset) for name, subset in _by_slice(rows, "source") if name)


def _by_modality(
    rows: Sequence[ScoreRow], settings: EvaluationSettings, seed: int
) -> Iterator[tuple[str, AucEstimate]]:
    for name in ("video", "audio"):
        labelled = [
            (row, score, label)
            for row in rows
            if (score := getattr(row, f"{name}_probability")) is not None
            and (label := getattr(row, f"fake_{name}")) is not None
        ]
        if len({label for _, _, label in labelled}) == 2:
            subset, scores, labels = zip(*labelled, strict=True)
            yield name, _estimate(subset, np.array(scores), np.array(labels), settings, seed)


def _estimate_if_both(
    rows: Sequence[ScoreRow], settings: EvaluationSettings, seed: int
) -> AucEstimate | UnmeasuredAuc:
    if _has_both(rows):
        return _estimate(rows, *_logits_and_labels(rows), settings, seed)
    fakes = sum(row.is_fake for row in rows)
    counts = fakes, len(rows) - fakes
    return UnmeasuredAuc(*counts, name_missing_class(*counts))


def _estimate(
    rows: Sequence[ScoreRow],
    scores: Scores,
    is_fake: Labels,
    settings: EvaluationSettings,
    seed: int,
) -> AucEstimate:
    auc = estimate_auc(
        scores,
        is_fake,
        [row.identity for row in rows],
        np.random.default_rng(seed),
        settings.resamples,
        settings.confidence,
    )
    return AucEstimate(
        auc.value, auc.low, auc.high, fakes=int(is_fake.sum()), reals=int((~is_fake).sum())
    )


def _fpr95_by_source(
    rows: Sequence[ScoreRow], settings: EvaluationSettings, seed: int
) -> Iterator[tuple[str, Estimate]]:
    for name, subset in _sources(rows):
        if _has_both(subset):
            yield name, _estimate_fpr95(subset, settings, seed)


def _estimate_fpr95(rows: Sequence[ScoreRow], settings: EvaluationSettings, seed: int) -> Estimate:
    logits, is_fake = _logits_and_labels(rows)

    def resampled(counts: Counts) -> Scores:
        return resampled_roc(logits, is_fake, counts).fprs_at_tpr(0.95)

    value = metrics.fpr_at_tpr(logits, is_fake, 0.95)
    return _estimate_metric(rows, value, resampled, settings, seed)


def _estimate_ece(
    rows: Sequence[ScoreRow],
    probabilities: Scores,
    is_fake: Labels,
    settings: EvaluationSettings,
    seed: int,
) -> Estimate:
    bins = settings.bins

    def resampled(counts: Counts) -> Scores:
        return resampled_calibration_errors(probabilities, is_fake, counts, bins)

    value = metrics.expected_calibration_error(probabilities, is_fake, bins)
    return _estimate_metric(rows, value, resampled, settings, seed)


def _estimate_metric(
    rows: Sequence[ScoreRow],
    value: float,
    resampled: Callable[[Counts], Scores],
    settings: EvaluationSettings,
    seed: int,
) -> Estimate:
    estimates = estimate_metrics(
        {"value": value},
        lambda counts: {"value": resampled(counts)},
        np.array([row.is_fake for row in rows]),
        [row.identity for row in rows],
        Resampling(np.random.default_rng(seed), settings.resamples, settings.confidence),
    )
    return estimates["value"]
