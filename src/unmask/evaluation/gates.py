"""Quality gates that decide whether a detector is promoted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from pydantic import AliasChoices, Field

from unmask.config import Gate, GateSettings
from unmask.errors import GateError
from unmask.evaluation.attack_flag import AttackFlag
from unmask.evaluation.auc_estimate import UnmeasuredAuc
from unmask.evaluation.baseline_comparison import BaselineComparison, BaselineSource
from unmask.evaluation.condition_verdicts import ConditionVerdicts
from unmask.evaluation.cross_dataset import CrossEvaluation
from unmask.evaluation.evaluate import Evaluation
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.localisation_report import EITHER, LocalisationReport
from unmask.evaluation.measured_verdicts import MeasuredVerdicts
from unmask.evaluation.output_calibration import OutputCalibration
from unmask.evaluation.part_rows import PartRow, list_rows

AT_LEAST, AT_MOST = "at least", "at most"
PASSED, MISSED, NOT_MEASURED = "passed", "missed", "not measured"
BASELINE_GATES = BASELINE_DROP, NON_INFERIORITY = "baseline_drop", "non_inferiority"
TOO_FEW = "too few test clips"
AT_SOURCE = "@"  # between a metric and the data set on which it is measured


class NamedGate(NamedTuple):
    """A gate with the name of its metric, such as ``auc@celebdf``."""

    name: str
    gate: Gate
    direction: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """Result of one gate.

    Attributes:
        value: ``None`` where it was not measured.
        limit: Floor or ceiling; a value equal to it passes.
        direction: ``at least`` or ``at most``.
        level: ``required`` or ``reported``.
        passed: What promotion counts. Without a value it is true only where there is no baseline to
            compare with.
        message: The result as a sentence; files written before version 0.2 call it ``words``.
        low, high: Interval of the value, which decides nothing; ``None`` where it has none.
    """

    name: str
    value: float | None
    limit: float
    direction: str
    level: str
    passed: bool
    message: Annotated[str, Field(validation_alias=AliasChoices("message", "words"))]
    low: float | None = None
    high: float | None = None

    @property
    def verdict(self) -> str:
        """``passed``, ``missed``, or ``not measured``, whatever promotion makes of it."""
        if self.value is None:
            return NOT_MEASURED
        return PASSED if self.passed else MISSED


@dataclass(frozen=True, slots=True)
class GateReport:
    """Results of all gates of one candidate.

    Attributes:
        passed: Every required gate passed; reported gates do not count.
        notes: What the candidate was trained or tested without, one sentence each.
        targets: The roadmap's targets of the phase, compared with the same numbers; they decide
            nothing.
        cross_dataset: Metrics on data sets that the candidate was not trained on; ``None`` in
            files of before version 0.3.
        parts: Metrics per source, kind of manipulation and compression level of the test clips
            that the other gates are measured on; empty in files of before version 0.3.
        verdicts: Error rates of the verdicts beside those that were promised; ``None`` in files of
            before version 0.3.
        outputs: Calibration of each output.
        localisation: How well forged segments are found; ``None`` in files of before version 0.3.
        baseline: The comparison with the pinned baseline per data set; empty without a baseline,
            and in files of before version 0.3.
        conditions: Verdicts on the test clips as they are, and re-encoded.
        attack_flag: How often attacked faces are noticed.
    """

    rows: tuple[GateResult, ...]
    passed: bool
    notes: tuple[str, ...] = ()
    targets: tuple[GateResult, ...] = ()
    cross_dataset: CrossEvaluation | None = None
    parts: tuple[PartRow, ...] = ()
    baseline: tuple[BaselineSource, ...] = ()
    verdicts: MeasuredVerdicts | None = None
    outputs: Mapping[str, OutputCalibration] = field(default_factory=dict)
    localisation: LocalisationReport | None = None
    conditions: tuple[ConditionVerdicts, ...] = ()
    attack_flag: AttackFlag | None = None

    @property
    def outcome(self) -> str:
        """``passed``, ``not passed``, or ``none decided`` where none was measured."""
        if self.rows and self.passed and all(row.value is None for row in self.rows):
            return "none decided"
        return "passed" if self.passed else "not passed"

    def raise_if_failed(self) -> None:
        """Raise an error unless every required gate passed.

        Raises:
            GateError: A required gate failed; each of them is named with value and limit.
        """
        failed = [row.message for row in self.rows if row.level == "required" and not row.passed]
        if failed:
            raise GateError(f"not promoted: {'; '.join(failed)}")


def headline_notes(evaluation: Evaluation) -> tuple[str, ...]:
    """Return a sentence on the data sets without training clips, where there are some."""
    cross = evaluation.cross_dataset
    sets = () if cross is None else cross.datasets
    unseen = [dataset.name for dataset in sets if dataset.is_unseen]
    if not unseen or not evaluation.levels:
        return ()
    apart = ", ".join(name for name in unseen if name not in evaluation.levels)
    if apart:
        seen = ", ".join(evaluation.levels)
        return (
            f"the headline is that of {seen}; {apart} without training clips is measured apart",
        )
    return (
        "the headline is that of all data sets, as those with training clips lack genuine or fake "
        "test clips",
    )


def unmeasured_notes(evaluation: Evaluation) -> tuple[str, ...]:
    """Return a sentence on each data set that has no AUC, and on test clips that are too few."""
    cross = evaluation.cross_dataset
    unseen = () if cross is None else cross.datasets
    reasons = {
        name: auc.not_measured
        for name, auc in evaluation.by_source.items()
        if isinstance(auc, UnmeasuredAuc)
    } | {each.name: each.whole.video.not_measured for each in unseen}
    too_few = (f"{TOO_FEW}: {evaluation.shortage}",) if evaluation.shortage else ()
    return too_few + tuple(
        f"no AUC on {name}, which has {reason} in the test split that could be scored"
        for name, reason in reasons.items()
        if reason
    )


class Reading(NamedTuple):
    """What was measured for a gate.

    Attributes:
        estimate: ``None`` where nothing was measured.
        remark: Stands behind the value in the message.
        reason: Why nothing was measured.
        decides: Whether a required gate fails where nothing was measured.
    """

    estimate: Estimate | None
    remark: str = ""
    reason: str = ""
    decides: bool = True


def list_gates(settings: GateSettings) -> tuple[NamedGate, ...]:
    """Return the gates of the settings, in the order of reports."""
    gates: list[tuple[str, Gate | None, str]] = [
        ("auc", settings.auc, AT_LEAST),
        ("ece", settings.ece, AT_MOST),
        ("ece_p_value", settings.ece_p_value, AT_LEAST),
        ("ece_excess", settings.ece_excess, AT_MOST),
        ("fgsm_drop", settings.fgsm_drop, AT_MOST),
        ("transmitted_drop", settings.transmitted_drop, AT_MOST),
        ("codec_gap", settings.codec_gap, AT_MOST),
        *(
            (f"{row.metric}{AT_SOURCE}{row.source}", row, _direction(row.metric))
            for row in settings.sources
        ),
        ("cross_dataset_auc", settings.cross_dataset_auc, AT_LEAST),
        ("localisation_ap50", settings.localisation_ap50, AT_LEAST),
        ("localisation_ap75", settings.localisation_ap75, AT_LEAST),
        ("partial_auc", settings.partial_auc, AT_LEAST),
        ("flagged_ratio", settings.flagged_ratio, AT_MOST),
        (BASELINE_DROP, settings.baseline_drop, AT_MOST),
        (NON_INFERIORITY, settings.non_inferiority, AT_MOST),
    ]
    return tuple(NamedGate(name, gate, side) for name, gate, side in gates if gate is not None)


def check_gates(
    gates: GateSettings,
    evaluation: Evaluation,
    fgsm_auc_drop: float | None,
    baseline: BaselineComparison,
    codec_auc_gap: Reading | float | None = None,
    transmitted: Reading | None = None,
) -> GateReport:
    """Compare a candidate's metrics with the limits of its gates.

    All gates but ``non_inferiority`` compare point estimates; an interval is only part of the
    message.

    Args:
        evaluation: Metrics of the candidate on the test set. A gate on a data set without test
            clips counts as ``reported``; one with clips of a single class fails a required gate.
        fgsm_auc_drop: AUC lost under FGSM; ``None`` where it was not measured, which fails the
            gate.
        baseline: Comparison with the pinned baseline on the same test set. Where none is pinned,
            both of its gates pass; where it could not be compared, both fail.
        codec_auc_gap: AUC difference between H.264 and H.265; ``None`` where it was not
            measured, which fails the gate if the settings have one.
        transmitted: AUC lost to attacks behind H.264; ``None`` where it was not measured, which
            fails the gate if the settings have one.
    """
    readings = {
        "auc": _with_interval(evaluation.auc_estimate),
        "ece": Reading(evaluation.ece_estimate, _chance(evaluation)),
        "ece_p_value": _read(evaluation.ece_p_value),
        "ece_excess": _read(evaluation.ece_excess),
        "fgsm_drop": _read(fgsm_auc_drop),
        "transmitted_drop": _read(transmitted),
        "codec_gap": _read(codec_auc_gap),
        "cross_dataset_auc": _read_mean_auc(evaluation.cross_dataset),
        **_read_localisation(evaluation.localisation),
    }
    rows = []
    for name, gate, direction in list_gates(gates):
        if evaluation.shortage:
            rows.append(_check(name, gate, direction, Reading(None, reason=TOO_FEW)))
            continue
        if name in BASELINE_GATES:
            rows.append(_check_baseline(name, gate, baseline))
            continue
        reading = readings.get(name) or _read_source(name, evaluation)
        rows.append(_check(name, gate, direction, reading))
    passed = all(row.passed for row in rows if row.level == "required")
    return GateReport(
        tuple(rows),
        passed,
        cross_dataset=evaluation.cross_dataset,
        parts=list_rows(evaluation),
        baseline=baseline.sources,
        verdicts=evaluation.verdicts,
        outputs=evaluation.outputs,
        localisation=evaluation.localisation,
    )


def _direction(metric: str) -> str:
    return AT_LEAST if metric == "auc" else AT_MOST


def _check(name: str, gate: Gate, direction: str, reading: Reading) -> GateResult:
    estimate, remark, reason, decides = reading
    if estimate is None:
        level = gate.level if decides else "reported"
        because = f": {reason}" if reason else ""
        message = f"{name} was not measured{because}; it must be {direction} {gate.limit:.4g}"
        return GateResult(name, None, gate.limit, direction, level, False, message)
    value = estimate.value
    passed = value >= gate.limit if direction == AT_LEAST else value <= gate.limit
    missed = "below the minimum of" if direction == AT_LEAST else "above the maximum of"
    relation = direction if passed else missed
    message = f"{name} {value:.4f}{remark} is {relation} {gate.limit:.4g}"
    counts = name, value, gate.limit, direction, gate.level, passed, message
    return GateResult(*counts, estimate.low, estimate.high)


def _check_baseline(name: str, gate: Gate, baseline: BaselineComparison) -> GateResult:
    """Check the loss against the baseline, or its upper bound; without a baseline, pass."""
    if not baseline.baseline:
        message = "no baseline yet: the first version that is promoted becomes it"
        return GateResult(name, None, gate.limit, AT_MOST, gate.level, True, message)
    gain = baseline.difference if name == BASELINE_DROP else baseline.lower
    if gain is None:
        reason = baseline.problem or "it takes the scores of clips of several people"
        return _check(name, gate, AT_MOST, Reading(None, reason=reason))
    remark = f" ({baseline.baseline}: AUC {baseline.auc:.3f})"
    if name != BASELINE_DROP:
        remark = (
            f" (largest loss at 95 % confidence; on {baseline.clips} clips of "
            f"{baseline.identities} people, {baseline.power(gate.limit) or 0:.0%} of equally good "
            "detectors pass)"
        )
    return _check(name, gate, AT_MOST, Reading(Estimate(-gain, None, None), remark))


def _read(value: Reading | float | None) -> Reading:
    if isinstance(value, Reading):
        return value
    return Reading(None if value is None else Estimate(value, None, None))


def _with_interval(estimate: Estimate) -> Reading:
    return Reading(estimate, f" ({estimate.format_interval()})")


def _read_source(name: str, evaluation: Evaluation) -> Reading:
    """Read a metric of a data set; one that was not given cannot be missed."""
    metric, _, source = name.partition(AT_SOURCE)
    estimate, missing = _find_source(metric, source, evaluation)
    if estimate is not None:
        return Reading(estimate, f" ({estimate.format_interval()}{_pooled(source, evaluation)})")
    if missing:
        reason = f"data set {source} has {missing} in the test split that could be scored"
        return Reading(None, reason=reason)
    reason = f"no data set {source} with test clips (give it as --data {source}=FOLDER)"
    return Reading(None, reason=reason, decides=False)


def _find_source(metric: str, source: str, evaluation: Evaluation) -> tuple[Estimate | None, str]:
    """Return a metric of a data set, or the classes that its test clips lack."""
    cross = evaluation.cross_dataset
    known = evaluation.by_source.get(source)
    if isinstance(known, UnmeasuredAuc):
        return None, known.not_measured
    if known is not None:
        return known if metric == "auc" else evaluation.fpr95_by_source.get(source), ""
    if cross is not None and (part := cross.get_slice(source)) is not None:
        return part.video.metrics.get(metric), part.video.not_measured
    return None, ""


def _pooled(source: str, evaluation: Evaluation) -> str:
    """Return a remark on the compression levels of a data set; empty where it names none."""
    levels = evaluation.levels.get(source, ())
    if not levels and evaluation.cross_dataset is not None:
        levels = evaluation.cross_dataset.list_levels(source)
    if not levels:
        return ""
    return f"; compression {' and '.join(levels)}{', pooled' * (len(levels) > 1)}"


def _read_mean_auc(cross: CrossEvaluation | None) -> Reading:
    if cross is None or cross.mean_auc is None:
        reason = "no data set was given that has genuine and fake test clips and none to train on"
        return Reading(None, reason=reason, decides=False)
    aucs = dict(_unseen_aucs(cross))
    lowest = min(aucs, key=lambda name: aucs[name])
    remark = f" ({cross.mean_auc.format_interval()}"
    remark += f"; mean of {len(aucs)}, the lowest {aucs[lowest]:.4f} on {lowest})"
    return Reading(cross.mean_auc, remark)


def _read_localisation(report: LocalisationReport | None) -> dict[str, Reading]:
    """Read the metrics of localisation; clips in which nothing is partly forged decide nothing."""
    report = report or LocalisationReport("test", not_measured="the evaluation has none")
    remark = ", in sequences spliced of whole clips" if report.footage == "spliced" else ""
    estimates = {
        "localisation_ap50": report.get_metric(EITHER, "proposed", "ap50"),
        "localisation_ap75": report.get_metric(EITHER, "proposed", "ap75"),
        "partial_auc": report.partial_auc,
        "flagged_ratio": report.flagged_ratio,
    }
    return {
        name: Reading(None, reason=report.not_measured, decides=False)
        if estimate is None
        else Reading(estimate, f" ({estimate.format_interval()}{remark})")
        for name, estimate in estimates.items()
    }


def _unseen_aucs(cross: CrossEvaluation) -> Iterator[tuple[str, float]]:
    for dataset in cross.datasets:
        if dataset.is_unseen and (auc := dataset.whole.video.metrics.get("auc")):
            yield dataset.name, auc.value


def _chance(evaluation: Evaluation) -> str:
    return f" ({evaluation.ece_by_chance:.3f} expected by chance)"
