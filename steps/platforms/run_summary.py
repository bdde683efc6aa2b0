"""What the last training run came to, kept as JSON so that it can be shown without a platform."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from steps.platforms.paths import CHAMPION, SUMMARY
from unmask.errors import DataError
from unmask.evaluation import serialization
from unmask.evaluation.console_tables import evaluation_table, gate_table
from unmask.evaluation.evaluate import Evaluation
from unmask.evaluation.gates import GateReport


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a run was asked to do.

    Attributes:
        data: The folder trained on; empty for the pinned set.
    """

    phase: int
    profile: str
    data: str


@dataclass(frozen=True, slots=True)
class Summary:
    """One training run.

    Attributes:
        alias: ``champion`` or ``challenger``.
        bento: Tag of the packaged service; ``None`` where nothing was packaged.
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


def promotable(gates: GateReport) -> bool:
    """Whether the gates decide at all, and those that do all passed."""
    return gates.passed and any(row.level == "required" for row in gates.rows)


def save(summary: Summary, path: Path = SUMMARY) -> None:
    """Write the summary."""
    serialization.save(summary, path)


def add_bento(tag: str, path: Path = SUMMARY) -> None:
    """Note that the run was packaged."""
    save(replace(load(path), bento=tag), path)


def load(path: Path = SUMMARY) -> Summary:
    """Read the summary of the last run.

    Raises:
        DataError: There was none.
    """
    if not path.is_file():
        raise DataError(f"{path}: no training has ended here yet; run `make train`")
    return serialization.load(Summary, path)


def print_summary(summary: Summary, console: Console) -> None:
    """Print the numbers, the gates, where it all is, and what to do next."""
    console.print(evaluation_table(summary.evaluation))
    console.print(gate_table(summary.gates))
    for name, text in _places(summary):
        console.print(f"[bold]{name:>14}[/bold]  {text}", soft_wrap=True, highlight=False)
    console.print(_next(summary), soft_wrap=True, highlight=False)


def _places(summary: Summary) -> Iterator[tuple[str, str]]:
    yield "data", f"{summary.job.data or 'pinned set'} ({summary.data_version})"
    yield "MLflow run", summary.run
    yield "registered", f"{summary.model} version {summary.version}, alias {summary.alias}"
    yield "Bento", summary.bento or "not packaged"
    if summary.bento:
        yield "champion", str(CHAMPION)


def _next(summary: Summary) -> str:
    if summary.bento:
        return "next: make serve | unmask analyze VIDEO | make mlflow | make zenml"
    if promotable(summary.gates):
        return "next: it passed, but packaging did not end; run it again"
    if summary.gates.passed:
        return (
            "next: make mlflow; every gate was only reported, so nothing was promoted: "
            "the floors of profile demo are made for the pinned set"
        )
    return "next: make mlflow, compare this run with the champion; nothing was promoted"
