"""`unmask eval codecs`: AUC after re-encoding the test clips with common codecs."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from unmask.cli.cluster_options import with_cluster
from unmask.cli.option_group import expand_options
from unmask.cli.options import Bundle, JsonFile, Manifest, Scope

if TYPE_CHECKING:
    from rich.table import Table

    from unmask.robustness.codec_report import CodecReport


@with_cluster
@expand_options("scope", Scope)
def command(
    bundle: Bundle,
    manifest: Manifest,
    cells: Annotated[
        str,
        typer.Option(
            help="Codec conditions, such as h264:23,opus:16,half, or all; default: those of "
            "codecs.cells, or h264:23,h265:28 if it is empty."
        ),
    ] = "",
    json: JsonFile = None,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Store the verdicts in the promoted BUNDLE, for every report."),
    ] = False,
    *,
    scope: Scope,
) -> None:
    """Re-encode the test clips, preprocess and score them, and compare AUC and verdicts."""
    from rich.console import Console

    from unmask.config.codec_conditions import ALL_CONDITIONS, GATE_CONDITIONS
    from unmask.data.manifest import read_manifest
    from unmask.evaluation.reported_rates import describe_condition
    from unmask.evaluation.serialization import save
    from unmask.evaluation.slices import describe_left_out
    from unmask.models.bundle_metadata import read_promotion, store_conditions
    from unmask.models.device_placement import load_on_accelerator
    from unmask.preprocessing.cache import Cache
    from unmask.robustness.codec_evaluation import evaluate_codecs
    from unmask.training.condition_verdicts import measure_conditions

    settings = scope.load_settings()
    if keep:
        read_promotion(bundle)  # before the work
    stated = ALL_CONDITIONS if cells == "all" else tuple(filter(None, cells.split(",")))
    conditions = stated or settings.codecs.cells or GATE_CONDITIONS
    detector, clips, cache = load_on_accelerator(bundle), read_manifest(manifest), Cache()
    codecs = settings.codecs.replace(cells=conditions)
    report = evaluate_codecs(detector, clips, cache, codecs, settings.evaluation, settings.seed)
    verdicts = measure_conditions(detector, clips, cache, codecs, settings.evaluation)
    report = replace(report, verdicts=verdicts)
    Console().print(_table(report))
    Console().print(_verdict_table(report))
    for part in report.parts:
        typer.echo(f"{part.heading}: {part.not_measured or part.describe()}")
    for note in (*report.untrained, *report.notes, describe_left_out(report.left_out)):
        if note:
            typer.echo(note)
    if json is not None:
        typer.echo(f"written: {save(report, json)}")
    if keep:
        typer.echo(f"written: {store_conditions(bundle, map(describe_condition, verdicts))}")


def _table(report: "CodecReport") -> "Table":
    from rich.table import Table

    table = Table(title=f"Re-encoded: {report.clips} {report.split} clips", title_justify="left")
    table.add_column("condition")
    for name in ("AUC", "drop", "PSNR, dB", "not scored"):
        table.add_column(name, justify="right")
    original = report.original.format() if report.original else ""
    table.add_row("original", original, "", "", str(report.unscored))
    for row in report.rows:
        psnr = "" if row.psnr_db is None else f"{row.psnr_db:.1f}"
        table.add_row(row.condition, row.auc.format(), row.drop.format(), psnr, str(row.lost))
    table.caption = f"in brackets: {report.confidence:.0%} bootstrap interval over identities"
    if report.codec_gap is not None:
        table.caption += f"; H.264 minus H.265: {report.codec_gap.format()}"
    return table


def _verdict_table(report: "CodecReport") -> "Table":
    from rich.table import Table

    table = Table(title="Verdicts, by the rules of serving", title_justify="left")
    table.add_column("condition")
    for name in ("genuine called fake", "no verdict", "fakes called real", "no verdict"):
        table.add_column(name, justify="right")
    for row in report.verdicts:
        counts = row.verdicts
        table.add_row(
            row.condition,
            f"{counts.false_alarms} of {counts.reals}",
            str(counts.inconclusive_reals),
            f"{counts.misses} of {counts.fakes}",
            str(counts.inconclusive_fakes),
        )
    return table
