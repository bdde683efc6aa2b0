"""`unmask eval gates`: quality gates of a detector."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from unmask import messages
from unmask.cli.option_group import expand_options
from unmask.cli.options import JsonFile, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unmask.config import Settings
    from unmask.evaluation.baseline_comparison import BaselineComparison
    from unmask.evaluation.evaluate import Evaluation

T = TypeVar("T")


@expand_options("scope", Scope)
def command(
    metrics: Annotated[Path, typer.Argument(help="metrics.json of `unmask eval metrics`.")],
    robustness: Annotated[
        list[Path] | None,
        typer.Option(
            help="Report of `unmask eval attack`, `codecs` or `crosseval`; repeatable. A gate "
            "whose report is missing fails, but for gates on data sets that are not given."
        ),
    ] = None,
    scores: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Score tables of the candidate and of the baseline it must not lose to."),
    ] = None,
    json: JsonFile = None,
    *,
    scope: Scope,
) -> None:
    """Compare measured numbers with the gates; exit code 1 if a required gate is missed."""
    from rich.console import Console

    from unmask.config import load_settings
    from unmask.errors import GateError
    from unmask.evaluation import roadmap
    from unmask.evaluation.console_tables import (
        baseline_table,
        gate_table,
        part_table,
        target_table,
    )
    from unmask.evaluation.evaluate import Evaluation
    from unmask.evaluation.gates import check_gates, headline_notes, unmeasured_notes
    from unmask.evaluation.serialization import load, save

    everything = scope.load_settings()
    target_settings = load_settings(phase=scope.phase, profile=roadmap.PROFILE)
    reports = _read_reports(robustness or [])
    drop, gap, transmitted, cross_dataset = _read_measured(reports)
    evaluation, renamed = _call_as_in_gates(load(Evaluation, metrics))
    evaluation = replace(evaluation, cross_dataset=cross_dataset)
    baseline = _read_baseline(scores, evaluation.split, everything)
    report = check_gates(everything.gates, evaluation, drop, baseline, gap, transmitted)
    report = roadmap.add_targets(report, target_settings.gates, evaluation, drop, gap)
    skipped = [note for each in reports for note in getattr(each, "notes", ())]
    untrained = [note for each in reports for note in getattr(each, "untrained", ())]
    measured = *headline_notes(evaluation), *unmeasured_notes(evaluation)
    notes = (*untrained, *skipped, *measured, *renamed)
    report = replace(report, notes=tuple(dict.fromkeys(notes)))
    if json is not None:
        save(report, json)
    compared = [baseline_table(report.baseline)] if report.baseline else []
    Console().print(gate_table(report), part_table(report), *compared, target_table(report))
    try:
        report.raise_if_failed()
    except GateError as error:
        messages.write_error(f"unmask: {error}")
        raise typer.Exit(1) from error


def _call_as_in_gates(evaluation: "Evaluation") -> tuple["Evaluation", tuple[str, ...]]:
    """Call published data sets by the names that gates have for them; return a sentence on each.

    A manifest of `unmask data ingest` calls them as their authors do.
    """
    from unmask.data.protocols.registry import PROTOCOLS

    known = {*evaluation.by_source, *evaluation.levels}
    names = {name: PROTOCOLS[name].alias for name in sorted(known & PROTOCOLS.keys())}
    names = {name: alias for name, alias in names.items() if alias not in known}

    def rename(values: "Mapping[str, T]") -> "dict[str, T]":
        return {names.get(name, name): value for name, value in values.items()}

    renamed = replace(
        evaluation,
        by_source=rename(evaluation.by_source),
        fpr95_by_source=rename(evaluation.fpr95_by_source),
        levels=rename(evaluation.levels),
    )
    return renamed, tuple(f"{name} is {alias} in gates" for name, alias in names.items())


def _read_baseline(
    tables: tuple[Path, Path] | None, split: str, settings: "Settings"
) -> "BaselineComparison":
    """Compare the clips of one split in two score tables; without tables, nothing."""
    from unmask.evaluation.baseline_comparison import BaselineComparison, compare_with_baseline
    from unmask.evaluation.serialization import read_scores

    if tables is None:
        return BaselineComparison()
    candidate, baseline = (
        [row for row in read_scores(table) if row.split == split] for table in tables
    )
    resamples = settings.evaluation.resamples
    return compare_with_baseline(candidate, baseline, "baseline", resamples, settings.seed)


def _read_reports(files: list[Path]) -> list[Any]:
    from unmask.evaluation.cross_dataset import CrossEvaluation
    from unmask.evaluation.serialization import load
    from unmask.robustness.adversarial_report import RobustnessReport
    from unmask.robustness.codec_report import CodecReport

    either: Any = RobustnessReport | CodecReport | CrossEvaluation
    return [load(either, file) for file in files]


def _read_measured(reports: list[Any]) -> tuple[float | None, Any, Any, Any]:
    """Return AUC drop under attack, codec gap, drop behind H.264, and the cross evaluation.

    Each is that of the last report with it.
    """
    from unmask.evaluation.cross_dataset import CrossEvaluation
    from unmask.robustness.adversarial_report import RobustnessReport
    from unmask.robustness.codec_report import CodecReport

    attacks = [report for report in reports if isinstance(report, RobustnessReport)]
    drops = [report.gate_drop for report in attacks]
    transmitted = [report.transmitted for report in attacks if report.transmitted is not None]
    gaps = [report.to_gate() for report in reports if isinstance(report, CodecReport)]
    crosses = [report for report in reports if isinstance(report, CrossEvaluation)]
    return (
        drops[-1] if drops else None,
        gaps[-1] if gaps else None,
        transmitted[-1].to_gate() if transmitted else None,
        crosses[-1] if crosses else None,
    )
