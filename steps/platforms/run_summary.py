"""Summary of the last training run, stored as JSON, shown without any platform."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from steps.platforms.paths import CHAMPION, RUN_REPORT, SUMMARY
from unmask.errors import DataError
from unmask.evaluation import serialization
from unmask.evaluation.console_tables import (
    evaluation_table,
    gate_table,
    output_table,
    target_table,
    verdict_table,
)
from unmask.evaluation.evaluate import Evaluation
from unmask.evaluation.gates import GateReport


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Arguments of a training run.

    Attributes:
        data: Data sets, separated by blanks; empty for the pinned set.
        promote: Whether to serve the detector also if it is not better than the champion.
    """

    phase: int
    profile: str
    data: str
    promote: bool = False


@dataclass(frozen=True, slots=True)
class ServingChoice:
    """Whether a candidate that passed its gates is served.

    Attributes:
        reason: Both AUCs, or why there are none; and the remedy if it is not served.
    """

    is_served: bool
    reason: str

    def describe(self) -> str:
        """Return the choice and its reason, one line."""
        return f"{'yes' if self.is_served else 'NO'}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Summary:
    """Results of a training run.

    Attributes:
        job: Arguments of the run.
        alias: ``champion`` or ``challenger``.
        bento: Tag of the service's Bento; ``None`` if none was built.
        serving: Whether the detector is served; ``None`` if it did not pass its gates.
    """

    job: RunRequest
    data_version: str
    run: str
    model: str
    version: str
    alias: str
    evaluation: Evaluation
    gates: GateReport
    bento: str | None = None
    serving: ServingChoice | None = None


def promotable(gates: GateReport) -> bool:
    """Return whether there are required gates, and all of them passed."""
    return gates.passed and any(row.level == "required" for row in gates.rows)


def save(summary: Summary, path: Path = SUMMARY) -> None:
    """Write the summary."""
    serialization.save(summary, path)


def add_serving(serving: ServingChoice, bento: str, path: Path = SUMMARY) -> Summary:
    """Add to the summary whether the detector is served, and the tag of the service's Bento."""
    summary = replace(load(path), serving=serving, bento=bento or None)
    save(summary, path)
    return summary


def load(path: Path = SUMMARY) -> Summary:
    """Read the summary of the last run.

    Raises:
        DataError: No training has finished yet.
    """
    if not path.is_file():
        raise DataError(f"{path}: no training has finished yet; run `make train`")
    return serialization.load(Summary, path)


def print_summary(summary: Summary, console: Console) -> None:
    """Print metrics, gates, locations and the next commands."""
    console.print(evaluation_table(summary.evaluation))
    console.print(verdict_table(summary.evaluation.verdicts))
    console.print(output_table(summary.evaluation.outputs))
    console.print(gate_table(summary.gates))
    console.print(target_table(summary.gates))
    for name, text in _locations(summary):
        console.print(f"[bold]{name:>14}[/bold]  {text}", soft_wrap=True, highlight=False)
    console.print(_next_step(summary), soft_wrap=True, highlight=False)


def _locations(summary: Summary) -> Iterator[tuple[str, str]]:
    yield "data", f"{summary.job.data or 'pinned set'} ({summary.data_version})"
    yield "MLflow run", summary.run
    yield "registered", f"{summary.model} version {summary.version}, alias {summary.alias}"
    if summary.serving is not None:
        yield "served", summary.serving.describe()
    yield "report", str(RUN_REPORT)
    yield "Bento", summary.bento or "not packaged"
    if summary.bento:
        yield "champion", str(CHAMPION)


def _next_step(summary: Summary) -> str:
    if summary.bento:
        return "next: make serve | unmask analyze VIDEO | make mlflow | make zenml"
    if summary.serving is not None:
        return "next: make mlflow | make serve, which serves the champion as before"
    if promotable(summary.gates):
        return "next: gates passed but packaging was interrupted; run the pipeline again"
    if summary.gates.passed:
        return (
            "next: make mlflow; all gates are reported only, so nothing was promoted: "
            "the limits of profile demo hold for the pinned data set only"
        )
    return "next: make mlflow; nothing was promoted, compare this run with the champion"
