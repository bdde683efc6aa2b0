"""`unmask evaluate`: a table of scores to numbers, curves and pictures."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    scores: Annotated[Path, typer.Argument(help="Score table, .json or .csv.")],
    out: Annotated[Path, typer.Option(help="Folder for metrics.json, curves and pictures.")],
    split: Annotated[str, typer.Option(help="Which rows of the table count.")] = "test",
    phase: Annotated[int, typer.Option(help="Phase in the settings file.")] = 1,
    profile: Annotated[str, typer.Option(help="Profile in the settings file.")] = "full",
    params: Annotated[Path, typer.Option(help="Settings file.")] = Path("params.yaml"),
) -> None:
    """Measure AUC, EER, calibration and more, with intervals by resampling identities."""
    from rich.console import Console

    from unmask.config import load_settings
    from unmask.errors import DataError
    from unmask.evaluation.console_tables import evaluation_table
    from unmask.evaluation.evaluate import evaluate
    from unmask.evaluation.plots import write_plots
    from unmask.evaluation.serialization import read_scores, save

    settings = load_settings(params, phase, profile)
    rows = [row for row in read_scores(scores) if row.split == split]
    if not rows:
        raise DataError(f"{scores}: has no score of split {split!r}; choose another --split")
    found = evaluate(rows, settings.evaluation, settings.seed)
    write_plots(rows, out, settings.evaluation.bins)
    file = save(found, out / "metrics.json")
    Console().print(evaluation_table(found))
    typer.echo(f"written: {file}")
