"""`unmask experiment leave-one-source-out`: results on sources that no detector saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask.cli.options import PROFILE, Overrides, Phase, Profile

if TYPE_CHECKING:
    from unmask.training.experiments.recorder import RunRecorder

Manifests = Annotated[
    list[Path],
    typer.Argument(help="Manifests, or folders of data sets; sources and people keep their names."),
]
Folds = Annotated[
    int | None,
    typer.Option(min=2, help="Folds of about the same number of clips; default: one per source."),
]
OutFolder = Annotated[
    Path, typer.Option(help="Folder for bundles and results; an interrupted run is resumed.")
]
OUT = Path("outputs/leave-one-source-out")


@dataclass(frozen=True, slots=True)
class HeldOutPlan:
    """What is trained, and how often.

    Attributes:
        overrides: ``section.key=value`` each.
        folds: One per source if ``None``.
    """

    phase: int
    profile: str
    overrides: tuple[str, ...]
    folds: int | None

    @property
    def title(self) -> str:
        """Title of the report."""
        return f"Leave one source out: phase {self.phase}, profile {self.profile}"


def command(
    manifests: Manifests,
    phase: Phase = 3,
    profile: Profile = PROFILE,
    folds: Folds = None,
    set_: Overrides = None,
    out: OutFolder = OUT,
) -> None:
    """Train without each source, its people and its generators, and test on it.

    Published detectors that were fetched (`unmask weights get aasist`) are measured beside it.

    `python -m pipelines leave-one-source-out` does the same and logs to MLflow.
    """
    run_leave_one_source_out(manifests, HeldOutPlan(phase, profile, tuple(set_ or ()), folds), out)


def run_leave_one_source_out(
    manifests: Sequence[Path],
    plan: HeldOutPlan,
    out: Path,
    recorder: "RunRecorder | None" = None,
) -> None:
    """Train and test every fold, print the report, and write it with all scores to ``out``."""
    from rich.console import Console
    from rich.markdown import Markdown

    from unmask.config import load_settings
    from unmask.data.datasets.joined_sets import read_joined_sets
    from unmask.evaluation.held_out import tabulate_held_out, to_metrics
    from unmask.evaluation.held_out_markdown import held_out_page
    from unmask.evaluation.serialization import save
    from unmask.preprocessing.cache import Cache
    from unmask.progress_bar import track
    from unmask.training.experiments import leave_one_source_out as experiment
    from unmask.training.experiments.source_folds import make_folds
    from unmask.training.peers.detectors import fetched_peers

    settings = load_settings(phase=plan.phase, profile=plan.profile, overrides=plan.overrides)
    folds = make_folds(read_joined_sets(manifests), plan.folds, settings.seed)
    results = []
    runs = experiment.run_folds(folds, settings, Cache(), out)
    for fold, scores in track(runs, "leave one source out", len(folds)):
        results.append(scores)
        if recorder is not None:
            counts = {"tested": len(fold.tested), "unscored": len(scores.unscored)}
            recorder.log_training(", ".join(fold.sources), {"seed": settings.seed}, counts)
    pooled = experiment.pool_folds(results)
    pooled = experiment.add_peers(pooled, folds, fetched_peers(), settings, Cache())
    table = tabulate_held_out(pooled.clips, pooled.unscored, settings.evaluation, settings.seed)
    page = held_out_page(table, plan.title, experiment.report_notes(folds, plan.overrides))
    report = out / "report.md"
    report.write_text(page)
    if recorder is not None:
        recorder.finish(to_metrics(table), page=report)
    Console().print(Markdown(page))
    files = (
        experiment.write_held_out(pooled.clips, out / "scores.csv"),
        save(table, out / "report.json"),
        report,
    )
    typer.echo(f"written: {', '.join(map(str, files))}")
