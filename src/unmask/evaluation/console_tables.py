"""Evaluations and gates as tables for a terminal."""

from rich.table import Table

from unmask.evaluation.evaluate import AucEstimate, Evaluation
from unmask.evaluation.gates import GateReport


def evaluation_table(evaluation: Evaluation) -> Table:
    """One line per number, with its interval where it has one."""
    table = Table(title=f"Scores on {evaluation.split}", title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column(f"{evaluation.confidence:.0%} interval", justify="right")
    counts = f"{evaluation.fakes} + {evaluation.reals}"
    table.add_row("fake + genuine clips", counts, f"{evaluation.identities} identities")
    whole = AucEstimate(
        evaluation.auc,
        evaluation.auc_low,
        evaluation.auc_high,
        evaluation.fakes,
        evaluation.reals,
    )
    table.add_row("AUC", f"{whole.auc:.3f}", _interval(whole))
    for name, part in evaluation.by_manipulation.items():
        table.add_row(f"AUC of {name} ({part.fakes})", f"{part.auc:.3f}", _interval(part))
    for name, part in evaluation.by_modality.items():
        table.add_row(f"AUC by {name} alone ({part.fakes})", f"{part.auc:.3f}", _interval(part))
    table.add_row("EER", f"{evaluation.eer:.3f}", "")
    table.add_row("FPR at 95 % TPR", f"{evaluation.fpr95:.3f}", "")
    table.add_row(f"ECE, {evaluation.bins} bins", f"{evaluation.ece:.3f}", "")
    table.add_row("ECE by chance", f"{evaluation.ece_by_chance:.3f}", "")
    table.add_row("Brier score", f"{evaluation.brier:.3f}", "")
    table.add_row("NLL, nats", f"{evaluation.nll:.3f}", "")
    return table


def gate_table(report: GateReport) -> Table:
    """One line per gate."""
    table = Table(title="Gates: " + ("passed" if report.passed else "NOT passed"))
    for name in ("gate", "level", "passed", "finding"):
        table.add_column(name)
    for row in report.rows:
        table.add_row(row.name, row.level, "yes" if row.passed else "NO", row.message)
    return table


def _interval(part: AucEstimate) -> str:
    if part.low is None or part.high is None:
        return "one identity"
    return f"{part.low:.3f}–{part.high:.3f}"
