"""`unmask eval gates`: quality gates of a detector."""

from pathlib import Path
from typing import Annotated, Any

import typer

from unmask.cli.options import JsonFile, Phase, Profile


def command(
    metrics: Annotated[Path, typer.Argument(help="metrics.json of `unmask eval metrics`.")],
    robustness: Annotated[
        list[Path] | None,
        typer.Option(
            help="Report of `unmask eval attack` or `unmask eval codecs`; repeatable. A gate "
            "whose report is missing fails."
        ),
    ] = None,
    champion_auc: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="AUC of the current champion on the same test set."),
    ] = None,
    phase: Phase = 1,
    profile: Profile = "full",
    json: JsonFile = None,
) -> None:
    """Compare measured numbers with the gates; exit code 1 if a required gate is missed."""
    from rich.console import Console

    from unmask.config import load_settings
    from unmask.errors import GateError
    from unmask.evaluation.console_tables import gate_table
    from unmask.evaluation.evaluate import Evaluation
    from unmask.evaluation.gates import check_gates
    from unmask.evaluation.serialization import load, save

    settings = load_settings(phase=phase, profile=profile).gates
    evaluation = load(Evaluation, metrics)
    drop, gap = _read_robustness(robustness or [])
    report = check_gates(settings, evaluation, drop, champion_auc, gap)
    if json is not None:
        save(report, json)
    Console().print(gate_table(report))
    try:
        report.raise_if_failed()
    except GateError as error:
        typer.echo(f"unmask: {error}", err=True)
        raise typer.Exit(1) from error


def _read_robustness(files: list[Path]) -> tuple[float | None, float | None]:
    """Return the AUC drop under attack and the codec gap, each from the last file with it."""
    from unmask.evaluation.serialization import load
    from unmask.robustness.adversarial_report import RobustnessReport
    from unmask.robustness.codec_report import CodecReport

    either: Any = RobustnessReport | CodecReport
    reports = [load(either, file) for file in files]
    drops = [report.gate_drop for report in reports if isinstance(report, RobustnessReport)]
    gaps = [report.gap for report in reports if isinstance(report, CodecReport)]
    return (drops[-1] if drops else None, gaps[-1] if gaps else None)
