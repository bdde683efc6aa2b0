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
    judges: dict[str, Score] = {
        "net": partial(sync_score, load_sync(weights)),
        "lip energy": lip_energy_score,
    }
    reports = tuple(
        evaluate_lipsync(name, score, clips, settings.seed, settings.evaluation.resamples)
        for name, score in judges.items()
    )
    if json is not None:
        save(SyncComparison(split, reports), json)
    _show(reports)


def _show(reports: "tuple[SyncReport, ...]") -> None:
    from rich.console import Console
    from rich.table import Table

    shifts = Table("judge", "sound shifted", "judged", "mean score", "found within 80 ms")
    kinds = Table("judge", "genuine against", "fakes", "AUC", "95 % interval")
    for report in reports:
        typer.echo(f"{report.judge}: {report.genuine} genuine clips, {report.unjudged} unjudged")
        for row in report.shifts:
            values = ("–" if one is None else f"{one:.3f}" for one in (row.mean_score, row.found))
            shifts.add_row(report.judge, f"±{row.shift_ms} ms", str(row.judged), *values)
        for kind in report.kinds:
            span = kind.interval
            shown = "–" if span is None else f"{span.low:.3f} – {span.high:.3f}"
            kinds.add_row(report.judge, kind.kind, str(kind.fakes), f"{kind.auc:.3f}", shown)
    Console().print(shifts, kinds)
