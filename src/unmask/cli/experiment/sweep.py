"""`unmask sweep`: one fit per combination of settings."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    set_: Annotated[list[str], typer.Option("--set", help="section.key=value,value,…")],
    manifest: Annotated[
        Path, typer.Argument(help="A manifest, or the folder that holds it.")
    ] = Path("data/raw"),
    out: Annotated[Path, typer.Option(help="Folder for checkpoints.")] = Path("outputs/runs"),
    phase: Annotated[int, typer.Option(help="Phase in params.yaml.")] = 1,
    profile: Annotated[str, typer.Option(help="Profile in params.yaml.")] = "demo",
    tracking_uri: Annotated[
        str, typer.Option(envvar="MLFLOW_TRACKING_URI", help="Where MLflow keeps its records.")
    ] = "sqlite:///outputs/mlflow.db",
) -> None:
    """Fit every combination as a nested MLflow run, and name the best on validation."""
    from rich.console import Console
    from rich.table import Table

    from unmask.config import load_settings
    from unmask.data.manifest import read_manifest
    from unmask.preprocessing.cache import Cache
    from unmask.training.experiments.sweep import Trial, expand_grid, sweep
    from unmask.training.experiments.tracking import NestedRuns

    trials = [
        Trial(overrides, load_settings(phase=phase, profile=profile, overrides=overrides))
        for overrides in expand_grid(set_)
    ]
    clips = read_manifest(manifest)
    runs = NestedRuns(tracking_uri, " ".join(set_))
    outcomes = sweep(trials, clips, Cache(), out, runs.record)
    best = outcomes[0]
    runs.finish(best.trial.name, best.val_auc)
    table = Table("settings", "validation AUC", "bundle")
    for outcome in outcomes:
        table.add_row(outcome.trial.name, f"{outcome.val_auc:.4f}", str(outcome.bundle))
    Console().print(table)
    typer.echo(f"best on validation: {best.trial.name}")
