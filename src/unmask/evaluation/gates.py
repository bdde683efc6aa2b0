"""Quality gates that decide whether a detector is promoted."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AliasChoices, Field

from unmask.config import Gate, GateSettings, SourceGate
from unmask.errors import GateError
from unmask.evaluation.evaluate import Evaluation

AT_LEAST, AT_MOST = "at least", "at most"


@dataclass(frozen=True, slots=True)
class GateResult:
    """Result of one gate.

    Attributes:
        value: ``None`` where it was not measured.
        limit: Floor or ceiling; a value equal to it passes.
        direction: ``at least`` or ``at most``.
        level: ``required`` or ``reported``.
        message: The result as a sentence; files written before version 0.2 call it ``words``.
    """

    name: str
    value: float | None
    limit: float
    direction: str
    level: str
    passed: bool
    message: Annotated[str, Field(validation_alias=AliasChoices("message", "words"))]


@dataclass(frozen=True, slots=True)
class GateReport:
    """Results of all gates of one candidate.

    Attributes:
        passed: Every required gate passed; reported gates do not count.
        notes: What the candidate was trained without, one sentence each.
    """

    rows: tuple[GateResult, ...]
    passed: bool
    notes: tuple[str, ...] = ()

    def raise_if_failed(self) -> None:
        """Raise an error unless every required gate passed.

        Raises:
            GateError: A required gate failed; each of them is named with value and limit.
        """
        failed = [row.message for row in self.rows if row.level == "required" and not row.passed]
        if failed:
            raise GateError(f"not promoted: {'; '.join(failed)}")


def check_gates(
    gates: GateSettings,
    evaluation: Evaluation,
    fgsm_auc_drop: float | None,
    champion_auc: float | None,
    codec_auc_gap: float | None = None,
) -> GateReport:
    """Compare a candidate's metrics with the limits of its gates.

    The AUC gates compare point estimates; the interval is only part of the message.

    Args:
        evaluation: Metrics of the candidate on the test set.
        fgsm_auc_drop: AUC lost under FGSM; ``None`` where it was not measured, which fails the
            gate.
        champion_auc: AUC of the champion on the same test set; ``None`` where there is no
            champion yet, which passes the gate.
        codec_auc_gap: AUC difference between H.264 and H.265; ``None`` where it was not
            measured, which fails the gate if the settings have one.
    """
    rows = (
        _check("auc", gates.auc, evaluation.auc, AT_LEAST, _interval(evaluation)),
        _check("ece", gates.ece, evaluation.ece, AT_MOST, _chance(evaluation)),
        _check("ece_excess", gates.ece_excess, evaluation.ece_excess, AT_MOST),
        _check("fgsm_drop", gates.fgsm_drop, fgsm_auc_drop, AT_MOST),
        *(
            []
            if gates.codec_gap is None
            else [_check("codec_gap", gates.codec_gap, codec_auc_gap, AT_MOST)]
        ),
        *(_check_source(gate, evaluation) for gate in gates.sources),
        _check_champion(gates.champion_drop, evaluation.auc, champion_auc),
    )
    return GateReport(rows, all(row.passed for row in rows if row.level == "required"))


def _check(
    name: str, gate: Gate, value: float | None, direction: str, remark: str = ""
) -> GateResult:
    if value is None:
        message = f"{name} was not measured; it must be {direction} {gate.limit:.4g}"
        return GateResult(name, None, gate.limit, direction, gate.level, False, message)
    passed = value >= gate.limit if direction == AT_LEAST else value <= gate.limit
    missed = "below the minimum of" if direction == AT_LEAST else "above the maximum of"
    relation = direction if passed else missed
    message = f"{name} {value:.4f}{remark} is {relation} {gate.limit:.4g}"
    return GateResult(name, value, gate.limit, direction, gate.level, passed, message)


def _check_source(gate: SourceGate, evaluation: Evaluation) -> GateResult:
    """Check the AUC on a data set; one that was not given cannot be missed."""
    name = f"auc@{gate.source}"
    if (estimate := evaluation.by_source.get(gate.source)) is None:
        message = (
            f"{name} was not measured: no data set {gate.source} with genuine and fake test clips"
        )
        return GateResult(name, None, gate.limit, AT_LEAST, "reported", False, message)
    return _check(name, gate, estimate.value, AT_LEAST, f" ({estimate.format_interval()})")


def _check_champion(gate: Gate, auc: float, champion_auc: float | None) -> GateResult:
    name = "champion_drop"
    if champion_auc is None:
        message = "no champion yet"
        return GateResult(name, None, gate.limit, AT_MOST, gate.level, True, message)
    remark = f" (champion AUC {champion_auc:.3f})"
    return _check(name, gate, champion_auc - auc, AT_MOST, remark)


def _interval(evaluation: Evaluation) -> str:
    return f" ({evaluation.auc_estimate.format_interval()})"


def _chance(evaluation: Evaluation) -> str:
    return f" ({evaluation.ece_by_chance:.3f} expected by chance)"
