"""`unmask eval metrics`: metrics and curves of a score table."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.cli.options import PROFILE, Overrides, Phase, Profile, Split


def command(
    scores: Annotated[Path, typer.Argument(help="Score table, .json or .csv.")],
    out: Annotated[Path, typer.Option(help="Folder for metrics.json, curves and plots.")],
    split: Split = "test",
    phase: Phase = 1,
    profile: Profile = PROFILE,
    set_: Overrides = None,
) -> None:
    """Compute AUC, EER, calibration error and more, with bootstrap intervals over identities."""
    from rich.console import Console

    from unmask.config import load_settings
    from unmask.errors import DataError
    from unmask.evaluation.console_tables import evaluation_table
    from unmask.evaluation.evaluate import evaluate
    from unmask.evaluation.plots import write_plots
    from unmask.evaluation.serialization import read_scores, save

    settings = load_settings(phase=phase, profile=profile, overrides=set_ or ())
    rows = [row for row in read_scores(scores) if row.split == split]
    if not rows:
        raise DataError(f"{scores}: has no score of split {split!r}; choose another --split")
    evaluation = evaluate(rows, settings.evaluation, settings.seed)
    write_plots(rows, out, settings.evaluation.bins)
    file = save(evaluation, out / "metrics.json")
    Console().print(evaluation_table(evaluation))
    typer.echo(f"written: {file}")
