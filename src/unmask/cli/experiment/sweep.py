"""`unmask experiment sweep`: grid search over settings."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask.cli.options import DATA, PROFILE, Manifest, Overrides, Phase, Profile

if TYPE_CHECKING:
    from unmask.training.experiments.recorder import RunRecorder
    from unmask.training.experiments.sweep import TrialResult

Grid = Annotated[
    list[str],
    typer.Option(help="Values to try: section.key=value,value,…; repeatable."),
]
OutFolder = Annotated[Path, typer.Option(help="Folder for checkpoints and sweep.csv.")]
RUNS = Path("outputs/runs")


def command(
    grid: Grid,
    manifest: Manifest = DATA,
    out: OutFolder = RUNS,
    phase: Phase = 1,
    profile: Profile = PROFILE,
    set_: Overrides = None,
) -> None:
    """Train once per combination of settings; rank by validation AUC.

    `python -m pipelines sweep` does the same and logs to MLflow.
    """
    run_sweep(grid, manifest, out, (phase, profile), set_ or ())


def run_sweep(
    grid: Sequence[str],
    manifest: Path,
    out: Path,
    scope: tuple[int, str],
    overrides: Sequence[str] = (),
    recorder: "RunRecorder | None" = None,
) -> None:
    """Train every combination of ``grid``, print a table and write it to ``out/sweep.csv``.

    Args:
        scope: Phase and profile.
        overrides: Overrides of every training, ``section.key=value`` each.
    """
    from rich.console import Console
    from rich.table import Table

    from unmask.config import load_settings
    from unmask.data.manifest import read_manifest
    from unmask.preprocessing.cache import Cache
    from unmask.training.experiments.recorder import Trial
    from unmask.training.experiments.sweep import expand_grid, sweep

    phase, profile = scope
    trials = [
        Trial(point, load_settings(phase=phase, profile=profile, overrides=(*overrides, *point)))
        for point in expand_grid(grid)
    ]
    results = sweep(trials, read_manifest(manifest), Cache(), out, recorder)
    best = results[0]
    if recorder is not None:
        recorder.finish({"best_val_auc": best.val_auc}, best.trial.name)
    table = Table("settings", "validation AUC", "bundle")
    for result in results:
        table.add_row(result.trial.name, f"{result.val_auc:.4f}", str(result.bundle))
    Console().print(table)
    typer.echo(f"best on validation: {best.trial.name}; written: {_write_csv(results, out)}")


def _write_csv(results: "Sequence[TrialResult]", folder: Path) -> Path:
    path = folder / "sweep.csv"
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("settings", "val_auc", "bundle"))
        writer.writerows((row.trial.name, row.val_auc, row.bundle) for row in results)
    return path
