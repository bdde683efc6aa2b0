"""Whether a detector is good enough to be promoted."""

from dataclasses import dataclass

from unmask.config import Gate, GateSettings
from unmask.errors import GateError
from unmask.evaluation.evaluate import Evaluation

AT_LEAST, AT_MOST = "at least", "at most"


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate and what it found.

    Attributes:
        value: ``None`` where it was not measured; never an invented number.
        limit: The floor or ceiling; reaching it exactly is enough.
        direction: ``at least`` or ``at most``.
        level: ``required`` or ``reported``.
        words: The finding as a sentence.
    """

    name: str
    value: float | None
    limit: float
    direction: str
    level: str
    passed: bool
    message: str


@dataclass(frozen=True, slots=True)
class GateReport:
    """All gates of one candidate.

    Attributes:
        passed: Every required gate passed; the reported ones do not count.
    """

    rows: tuple[GateResult, ...]
    passed: bool

    def raise_if_failed(self) -> None:
        """Do nothing if the candidate passed.

        Raises:
            GateError: It did not; each required gate that fell short is told with its value
                and its limit.
        """
        short = [row.message for row in self.rows if row.level == "required" and not row.passed]
        if short:
            raise GateError(f"not promoted: {'; '.join(short)}")


def check_gates(
    gates: GateSettings,
    evaluation: Evaluation,
    fgsm_auc_drop: float | None,
    champion_auc: float | None,
    codec_auc_gap: float | None = None,
) -> GateReport:
    """Hold a candidate against its gates.

    The AUC gates compare point estimates; the interval stands beside in the words.

    Args:
        evaluation: Of the candidate, on the fresh test set.
        fgsm_auc_drop: AUC lost under the attack; ``None`` where it was not run, which fails
            the gate.
        champion_auc: Of the champion on the same test set; ``None`` where there is no
            champion yet, which passes the gate.
        codec_auc_gap: Between H.264 and H.265; ``None`` where it was not measured, which fails
            the gate where there is one.
    """
    drop = None if champion_auc is None else champion_auc - evaluation.auc
    champion = _row("champion_drop", gates.champion_drop, drop, AT_MOST, _beside(champion_auc))
    codecs = (
        ()
        if gates.codec_gap is None
        else (_row("codec_gap", gates.codec_gap, codec_auc_gap, AT_MOST, ""),)
    )
    rows = (
        _row("auc", gates.auc, evaluation.auc, AT_LEAST, _interval(evaluation)),
        _row("ece", gates.ece, evaluation.ece, AT_MOST, _by_chance(evaluation)),
        _row("ece_excess", gates.ece_excess, evaluation.ece_excess, AT_MOST, ""),
        _row("fgsm_drop", gates.fgsm_drop, fgsm_auc_drop, AT_MOST, ""),
        *codecs,
        champion if drop is not None else _no_champion(gates.champion_drop),
    )
    return GateReport(rows, all(row.passed for row in rows if row.level == "required"))


def _row(name: str, gate: Gate, value: float | None, direction: str, remark: str) -> GateResult:
    wanted = f"{direction} {gate.limit:.4g}"
    if value is None:
        words = f"{name} was not measured, wanted {wanted}"
        return GateResult(name, None, gate.limit, direction, gate.level, False, words)
    passed = value >= gate.limit if direction == AT_LEAST else value <= gate.limit
    relation = "is" if passed else "is not"
    words = f"{name} {value:.4f}{remark} {relation} {wanted}"
    return GateResult(name, value, gate.limit, direction, gate.level, passed, words)


def _no_champion(gate: Gate) -> GateResult:
    words = "no champion yet"
    return GateResult("champion_drop", None, gate.limit, AT_MOST, gate.level, True, words)


def _interval(evaluation: Evaluation) -> str:
    if evaluation.auc_low is None or evaluation.auc_high is None:
        return " (one identity, no interval)"
    return f" ({evaluation.auc_low:.3f}–{evaluation.auc_high:.3f})"


def _by_chance(evaluation: Evaluation) -> str:
    return f" ({evaluation.ece_by_chance:.3f} to expect by chance)"


def _beside(champion_auc: float | None) -> str:
    return "" if champion_auc is None else f" (champion AUC {champion_auc:.3f})"
