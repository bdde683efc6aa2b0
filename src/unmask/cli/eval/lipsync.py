"""`unmask sync-report`: does the lip-sync net find offsets and fakes, and does it beat nothing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from unmask.training.lipsync.evaluation import SyncReport


def command(
    manifest: Annotated[Path, typer.Argument(help="A manifest, or the folder that holds it.")],
    weights: Annotated[Path, typer.Argument(help="File that `unmask sync` wrote.")],
    split: Annotated[str, typer.Option(help="train, val or test.")] = "val",
    json: Annotated[Path | None, typer.Option(help="Write the numbers here.")] = None,
    profile: Annotated[str, typer.Option(help="Profile in params.yaml.")] = "full",
    set_: Annotated[list[str] | None, typer.Option("--set", help="section.key=value")] = None,
) -> None:
    """Shift and dub genuine clips, and hold the net against the plain lip-energy signal."""
    from functools import partial

    from unmask.config import load_settings
    from unmask.data.manifest import read_manifest
    from unmask.evaluation.serialization import save
    from unmask.models.lipsync.checkpoint import load_sync
    from unmask.models.lipsync.energy_baseline import lip_energy_score
    from unmask.models.lipsync.scoring import sync_score
    from unmask.preprocessing.cache import Cache
    from unmask.training.lipsync.dataset import lip_feature_loader, sync_clips
    from unmask.training.lipsync.evaluation import Score, SyncComparison, evaluate_lipsync

    settings = load_settings(phase=3, profile=profile, overrides=set_ or ())
    chosen = [clip for clip in read_manifest(manifest) if clip.split == split]
    clips = list(sync_clips(chosen, lip_feature_loader(settings.preprocessing, Cache())))
    scorers: dict[str, Score] = {
        "net": partial(sync_score, load_sync(weights)),
        "lip energy": lip_energy_score,
    }
    reports = tuple(
        evaluate_lipsync(name, score, clips, settings.seed, settings.evaluation.resamples)
        for name, score in scorers.items()
    )
    if json is not None:
        save(SyncComparison(split, reports), json)
    _show(reports)


def _show(reports: "tuple[SyncReport, ...]") -> None:
    from rich.console import Console
    from rich.table import Table

    shifts = Table("scorer", "sound shifted", "scored", "mean score", "found within 80 ms")
    kinds = Table("scorer", "genuine against", "fakes", "AUC", "95 % interval")
    for report in reports:
        typer.echo(
            f"{report.scorer}: {report.genuine} genuine clips, {report.unscored} without a score"
        )
        for row in report.shifts:
            numbers = (row.mean_score, row.found_share)
            values = ("–" if number is None else f"{number:.3f}" for number in numbers)
            shifts.add_row(report.scorer, f"±{row.shift_ms} ms", str(row.scored), *values)
        for kind in report.kinds:
            auc, interval = f"{kind.auc.value:.3f}", kind.auc.format_interval()
            kinds.add_row(report.scorer, kind.kind, str(kind.fakes), auc, interval)
    Console().print(shifts, kinds)
