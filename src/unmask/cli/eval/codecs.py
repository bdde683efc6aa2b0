"""`unmask codecs`: how much of a detector's skill survives the codecs of the world."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from unmask.robustness.codec_report import CodecReport


def command(
    bundle: Annotated[Path, typer.Argument(help="Folder of a bundle.")],
    manifest: Annotated[Path, typer.Argument(help="A manifest, or the folder that holds it.")],
    cells: Annotated[
        str, typer.Option(help="Such as h264:23,opus:16,half; else the phase's, else all.")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Write the findings here, as JSON.")] = None,
    phase: Annotated[int, typer.Option(help="Phase in params.yaml.")] = 1,
    profile: Annotated[str, typer.Option(help="Profile in params.yaml.")] = "full",
) -> None:
    """Encode the test clips again, prepare them again, and measure what the scores are worth."""
    from rich.console import Console

    from unmask.config import load_settings
    from unmask.config.codec_conditions import DEFAULT_CONDITIONS
    from unmask.data.manifest import read_manifest
    from unmask.evaluation.serialization import save
    from unmask.models.bundle import load_bundle
    from unmask.preprocessing.cache import Cache
    from unmask.robustness.codec_evaluation import evaluate_codecs

    settings = load_settings(phase=phase, profile=profile)
    wanted = tuple(cells.split(",")) if cells else settings.codecs.cells or DEFAULT_CONDITIONS
    report = evaluate_codecs(
        load_bundle(bundle),
        read_manifest(manifest),
        Cache(),
        settings.codecs.replace(cells=wanted),
        settings.evaluation,
        settings.seed,
    )
    Console().print(_table(report))
    if out is not None:
        save(report, out)
        typer.echo(f"written: {out}")


def _table(report: "CodecReport") -> "Table":
    from rich.table import Table

    table = Table(title=f"Encoded again: {report.clips} {report.split} clips", title_justify="left")
    for name in ("cell", "AUC", "drop", "PSNR, dB", "lost"):
        table.add_column(name, justify="left" if name == "cell" else "right")
    table.add_row("original", report.original.format() if report.original else "", "", "", "")
    for row in report.rows:
        likeness = "" if row.psnr_db is None else f"{row.psnr_db:.1f}"
        table.add_row(row.cell, row.auc.format(), row.drop.format(), likeness, str(row.lost))
    table.caption = f"in brackets: {report.confidence:.0%} interval by resampling identities"
    if report.codec_gap is not None:
        table.caption += f"; H.264 less H.265: {report.codec_gap.format()}"
    return table
