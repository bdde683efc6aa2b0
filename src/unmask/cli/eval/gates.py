"""`unmask gate`: is a detector good enough to be promoted."""

from pathlib import Path
from typing import Annotated, Any

import typer


def command(
    metrics: Annotated[Path, typer.Argument(help="metrics.json of `unmask evaluate`.")],
    robustness: Annotated[
        list[Path] | None,
        typer.Option(
            help="JSON of `unmask attack` or `unmask codecs`, may be repeated; a gate without "
            "its findings fails."
        ),
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
    from unmask.evaluation.console_tables import gate_table
    from unmask.evaluation.evaluate import Evaluation
    from unmask.evaluation.gates import check_gates
    from unmask.evaluation.serialization import load, save

    gates = load_settings(phase=phase, profile=profile).gates
    measured = load(Evaluation, metrics)
    drop, gap = _found(robustness or [])
    report = check_gates(gates, measured, drop, champion_auc, gap)
    if json is not None:
        save(report, json)
    Console().print(gate_table(report))
    try:
        report.raise_if_failed()
    except GateError as error:
        typer.echo(f"unmask: {error}", err=True)
        raise typer.Exit(1) from error


def _found(files: list[Path]) -> tuple[float | None, float | None]:
    """AUC lost under attack and between codecs, from whichever report says it."""
    from unmask.evaluation.serialization import load
    from unmask.robustness.adversarial_report import RobustnessReport
    from unmask.robustness.codec_report import CodecReport

    either: Any = RobustnessReport | CodecReport
    reports = [load(either, file) for file in files]
    drops = [one.gate_drop for one in reports if isinstance(one, RobustnessReport)]
    gaps = [one.gap for one in reports if isinstance(one, CodecReport)]
    return (drops[-1] if drops else None, gaps[-1] if gaps else None)
