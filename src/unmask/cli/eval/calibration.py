"""`unmask eval calibration`: calibration and uncertainty estimates compared."""

from typing import TYPE_CHECKING, Annotated

import typer

from unmask.cli.option_group import expand_options
from unmask.cli.options import Bundle, JsonFile, Manifest, Scope

if TYPE_CHECKING:
    from unmask.evaluation.member_diversity import MemberDiversity
    from unmask.training.calibration.comparison import (
        CalibrationComparison,
        CalibrationMetrics,
        FlaggedRates,
    )


@expand_options("scope", Scope)
def command(
    bundle: Bundle,
    manifest: Manifest,
    passes: Annotated[int, typer.Option(min=0, help="MC-dropout samples per member.")] = 10,
    json: JsonFile = None,
    *,
    scope: Scope,
) -> None:
    """Compare temperature, Platt scaling, MC dropout and ensemble: fit on val, measure on test.

    The settings are those of `evaluation`: bins of the calibration error, level of the intervals.
    """
    from unmask.data.manifest import read_manifest
    from unmask.data.torch.evaluation_set import make_feature_loader
    from unmask.evaluation.serialization import save
    from unmask.models.device_placement import load_on_accelerator
    from unmask.preprocessing.cache import Cache
    from unmask.training.calibration.comparison import compare_calibration

    detector = load_on_accelerator(bundle)
    clips = read_manifest(manifest)
    load = make_feature_loader(detector.preprocessing, Cache(), clips)
    settings = scope.load_settings().evaluation
    comparison = compare_calibration(detector, clips, load, passes, settings)
    if json is not None:
        save(comparison, json)
    _print(comparison)


def _print(comparison: "CalibrationComparison") -> None:
    from rich.console import Console
    from rich.table import Table

    from unmask.evaluation.console_tables import verdict_table

    title = f"Fitted on {comparison.calibration_clips} validation clips, measured on "
    table = Table(title=f"{title}{comparison.clips}", title_justify="left")
    table.add_column("probability")
    for name in ("temperature", "bias", "AUC", "ECE", "by chance", "Brier", "NLL"):
        table.add_column(name, justify="right")
    for row in comparison.rows:
        fit, errors = (row.temperature, row.bias), (row.ece, row.ece_by_chance)
        numbers = (*fit, row.auc, *errors, row.brier, row.nll)
        table.add_row(row.kind, *(f"{number:.3f}" for number in numbers))
    Console().print(table)
    for source in comparison.sources:
        typer.echo(f"{source.heading}: {source.not_measured or _describe_rows(source.rows)}")
    Console().print(verdict_table(comparison.verdicts))
    if comparison.like_calibration is not None:
        share = comparison.like_calibration
        typer.echo(f"footage like the calibration clips: {share:.1%} of clips")
    for segments in comparison.flagged:
        typer.echo(_describe_flagged(segments))
    if comparison.error_detection_auc is not None:
        auc = comparison.error_detection_auc
        typer.echo(f"the spread of MC-dropout samples detects errors with AUC {auc:.3f}")
    if comparison.diversity is not None:
        typer.echo(_describe_diversity(comparison.diversity))


def _describe_rows(rows: "tuple[CalibrationMetrics, ...]") -> str:
    return ", ".join(f"{row.kind} AUC {row.auc:.3f} ECE {row.ece:.3f}" for row in rows)


def _describe_diversity(diversity: "MemberDiversity") -> str:
    alone = ", ".join(f"{auc:.3f}" for auc in diversity.auc)
    both, within = (
        "-" if value is None else f"{value:.2f}"
        for value in (diversity.correlation, diversity.within_class)
    )
    return f"members alone have AUC {alone}; their logits correlate {both}, within a class {within}"


def _describe_flagged(rates: "FlaggedRates") -> str:
    genuine, fake = ("-" if rate is None else f"{rate:.1%}" for rate in (rates.genuine, rates.fake))
    rate = "-" if rates.per_hour is None else f"{rates.per_hour:.0f}"
    return (
        f"{rates.kind} segments above {rates.threshold:.3f} are flagged {rate} times per hour of "
        f"genuine clips (target {rates.target_per_hour:.0f}), in {genuine} of them, and in {fake} "
        "of fakes"
    )
