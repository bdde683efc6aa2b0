"""`unmask eval lipsync`: offsets and fakes that the lip-sync model detects."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask.cli.options import PROFILE, JsonFile, Manifest, Overrides, Profile, Split

if TYPE_CHECKING:
    from unmask.training.lipsync.evaluation import SyncReport


def command(
    manifest: Manifest,
    weights: Annotated[Path, typer.Argument(help="Weights written by `unmask train lipsync`.")],
    split: Split = "test",
    json: JsonFile = None,
    profile: Profile = PROFILE,
    set_: Overrides = None,
) -> None:
    """Shift and dub genuine clips; compare the model with the lip-energy baseline."""
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
    selected = [clip for clip in read_manifest(manifest) if clip.split == split]
    load = lip_feature_loader(settings.preprocessing, Cache(), selected)
    clips = list(sync_clips(selected, load))
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
    _print(reports)


def _print(reports: "tuple[SyncReport, ...]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    shifts = Table("scorer", "audio shift", "scored", "mean score", "offset within 80 ms")
    kinds = Table("scorer", "genuine against", "fake + genuine", "AUC", "95 % interval")
    for report in reports:
        typer.echo(f"{report.scorer}: {report.genuine} genuine clips, {report.unscored} not scored")
        for row in report.shifts:
            numbers = (row.mean_score, row.found_share)
            values = ("–" if number is None else f"{number:.3f}" for number in numbers)
            shifts.add_row(report.scorer, f"±{row.shift_ms} ms", str(row.scored), *values)
        for kind in report.kinds:
            auc, interval = f"{kind.auc.value:.3f}", kind.auc.format_interval()
            counts = f"{kind.fakes} + {kind.genuine}"
            kinds.add_row(report.scorer, escape(kind.kind), counts, auc, interval)
        for part in report.sources:
            measured = part.not_measured if part.auc is None else f"AUC {part.auc.format()}"
            typer.echo(f"{report.scorer}, {part.heading}: {measured}")
    Console().print(shifts, kinds)
