"""Console tables of evaluations and gates."""

from collections.abc import Iterator, Mapping, Sequence

from rich.table import Table

from unmask.evaluation import measured_verdicts, output_calibration, part_rows, roadmap
from unmask.evaluation.auc_estimate import AucEstimate, UnmeasuredAuc
from unmask.evaluation.baseline_comparison import PART_HEADINGS, BaselineSource
from unmask.evaluation.evaluate import Evaluation
from unmask.evaluation.gates import MISSED, NOT_MEASURED, GateReport
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.measured_verdicts import MeasuredVerdicts
from unmask.evaluation.output_calibration import OutputCalibration

METRIC_HEADINGS = ("metric", "value", "interval")


def evaluation_table(evaluation: Evaluation) -> Table:
    """Return a table with one line per metric and its interval, where it has one."""
    table = Table(title=f"Scores on {evaluation.split}", title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column(f"{evaluation.confidence:.0%} interval", justify="right")
    if evaluation.shortage:
        table.caption = f"too few for intervals: {evaluation.shortage}"
    for row in list_metrics(evaluation):
        table.add_row(*row)
    return table


def list_metrics(evaluation: Evaluation) -> Iterator[tuple[str, str, str]]:
    """Yield name, value and interval of every metric; see ``METRIC_HEADINGS``."""
    counts = f"{evaluation.fakes} + {evaluation.reals}"
    yield "fake + genuine clips", counts, f"{evaluation.identities} identities"
    yield _cells("AUC", evaluation.auc_estimate)
    for name, auc in _named_parts(evaluation):
        yield _cells(name, auc)
    yield "EER", f"{evaluation.eer:.3f}", ""
    yield "FPR at 95 % TPR", f"{evaluation.fpr95:.3f}", ""
    yield _cells(f"ECE, {evaluation.bins} bins", evaluation.ece_estimate)
    yield "ECE by chance", f"{evaluation.ece_by_chance:.3f}", ""
    if evaluation.ece_p_value is not None:
        yield "p-value of the ECE", f"{evaluation.ece_p_value:.3f}", ""
    yield "Brier score", f"{evaluation.brier:.3f}", ""
    yield "NLL, nats", f"{evaluation.nll:.3f}", ""


def _cells(name: str, estimate: Estimate | UnmeasuredAuc) -> tuple[str, str, str]:
    if isinstance(estimate, UnmeasuredAuc):
        return name, NOT_MEASURED, estimate.not_measured
    return name, f"{estimate.value:.3f}", estimate.format_interval()


def _named_parts(evaluation: Evaluation) -> Iterator[tuple[str, AucEstimate | UnmeasuredAuc]]:
    for name, kind in evaluation.by_manipulation.items():
        yield f"AUC of {name} ({kind.fakes})", kind
    for name, auc in evaluation.by_source.items() if len(evaluation.by_source) > 1 else ():
        yield f"AUC on {name} ({_count(auc)})", auc
    for name, auc in evaluation.by_compression.items():
        yield f"AUC at compression {name} ({_count(auc)})", auc
    for name, part in evaluation.by_modality.items():
        yield f"AUC by {name} alone ({part.fakes})", part
    for split, own in evaluation.own_forgeries.items():
        yield f"AUC of own forgeries, {split} ({own.fakes})", own


def _count(auc: AucEstimate | UnmeasuredAuc) -> str:
    """Return the number of fakes; of genuine clips, too, where they have no AUC."""
    return f"{auc.fakes} + {auc.reals}" if isinstance(auc, UnmeasuredAuc) else f"{auc.fakes}"


def part_table(report: GateReport) -> Table:
    """Return a table with one line per source, kind of manipulation and compression level."""
    table = Table(title="Parts of the test clips", title_justify="left")
    for name in part_rows.HEADINGS:
        table.add_column(name)
    for row in report.parts:
        table.add_row(*row.list_cells())
    return table


def verdict_table(verdicts: MeasuredVerdicts | None) -> Table:
    """Return a table of the error rates of verdicts beside those that were promised."""
    people = "" if verdicts is None else f", {verdicts.people} people"
    table = Table(title=f"Verdicts on test{people}", title_justify="left")
    for name in measured_verdicts.HEADINGS:
        table.add_column(name)
    for row in () if verdicts is None else verdicts.list_rows():
        table.add_row(*row)
    return table


def output_table(outputs: Mapping[str, OutputCalibration]) -> Table:
    """Return a table of the calibration error of each output by its own label."""
    table = Table(title="Calibration of every output", title_justify="left")
    for name in output_calibration.HEADINGS:
        table.add_column(name)
    for name, output in outputs.items():
        table.add_row(*output.list_cells(name))
    return table


def baseline_table(sources: Sequence[BaselineSource]) -> Table:
    """Return a table of the comparison with the pinned baseline, one line per data set."""
    table = Table(title="Against the pinned baseline", title_justify="left")
    for name in PART_HEADINGS:
        table.add_column(name)
    for row in sources:
        table.add_row(*row.list_cells())
    return table


def gate_table(report: GateReport) -> Table:
    """Return a table with one line per gate, and the notes below it."""
    title = f"Gates: {report.outcome.replace('not', 'NOT')}"
    table = Table(title=title, caption="\n".join(report.notes), caption_justify="left")
    for name in ("gate", "level", "verdict", "result"):
        table.add_column(name)
    for row in report.rows:
        verdict = row.verdict.upper() if row.verdict == MISSED else row.verdict
        table.add_row(row.name, row.level, verdict, row.message)
    return table


def target_table(report: GateReport) -> Table:
    """Return a table of the roadmap's targets with what was measured."""
    table = Table(title="Targets of the roadmap", title_justify="left")
    for name in roadmap.HEADINGS:
        table.add_column(name)
    for row in report.targets:
        table.add_row(*roadmap.list_cells(row))
    return table
