"""`unmask gate`: is a detector good enough to be promoted."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    metrics: Annotated[Path, typer.Argument(help="metrics.json of `unmask evaluate`.")],
    robustness: Annotated[
        Path | None, typer.Option(help="JSON of `unmask attack`; without it that gate fails.")
    ] = None,
    champion_auc: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Of the champion on the same test set, if there is one."),
    ] = None,
    phase: Annotated[int, typer.Option(help="Phase in the settings file.")] = 1,
    profile: Annotated[str, typer.Option(help="Profile in the settings file.")] = "full",
    json: Annotated[Path | None, typer.Option(help="Write the findings here.")] = None,
) -> None:
    """Hold measured numbers against the gates; exit code 1 if a required one falls short."""
    from rich.console import Console

    from unmask.config import load_settings
    from unmask.errors import GateError
    from unmask.evaluation.gates import check_gates
    from unmask.evaluation.report import Evaluation
    from unmask.evaluation.store import load, save
    from unmask.evaluation.tables import gate_table

    gates = load_settings(phase=phase, profile=profile).gates
    report = check_gates(gates, load(Evaluation, metrics), _drop(robustness), champion_auc)
    if json is not None:
        save(report, json)
    Console().print(gate_table(report))
    try:
        report.require()
    except GateError as error:
        typer.echo(f"unmask: {error}", err=True)
        raise typer.Exit(1) from error


def _drop(robustness: Path | None) -> float | None:
    if robustness is None:
        return None
    from unmask.evaluation.store import load
    from unmask.robustness.report import RobustnessReport

    return load(RobustnessReport, robustness).gate_drop
