"""`unmask experiment lipsync`: lip-sync on sources that no network saw."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.cli.experiment.leave_one_source_out import Folds, Manifests
from unmask.cli.options import PROFILE, Overrides, Profile

OutFolder = Annotated[Path, typer.Option(help="Folder for weights, measures and report.")]
OUT = Path("outputs/lipsync-held-out")


def command(
    manifests: Manifests,
    profile: Profile = PROFILE,
    folds: Folds = None,
    set_: Overrides = None,
    out: OutFolder = OUT,
) -> None:
    """Train lip-sync on genuine clips without each source, and measure offsets and fakes on it.

    Clips without sound are left out.
    """
    from rich.console import Console
    from rich.markdown import Markdown

    from unmask.config import load_settings
    from unmask.data.datasets.joined_sets import read_joined_sets
    from unmask.preprocessing.cache import Cache
    from unmask.progress_bar import track
    from unmask.training.experiments.lipsync_folds import measure_folds, write_measures
    from unmask.training.experiments.lipsync_report import lipsync_page
    from unmask.training.experiments.source_folds import make_folds
    from unmask.training.lipsync.dataset import lip_feature_loader

    settings = load_settings(phase=3, profile=profile, overrides=set_ or ())
    clips = [clip for clip in read_joined_sets(manifests) if clip.has_audio]
    planned = make_folds(clips, folds, settings.seed)
    load = lip_feature_loader(settings.preprocessing, Cache(), clips)
    runs = measure_folds(planned, settings, load, out / "folds")
    measured = list(track(runs, "lip-sync across sources", len(planned)))
    measures = [measure for fold in measured for measure in fold.measures]
    title = f"Lip-sync across sources: {len(planned)} folds, profile {profile}"
    page = lipsync_page(measures, title, settings.evaluation, settings.seed)
    report = out / "report.md"
    report.write_text(page)
    Console().print(Markdown(page))
    typer.echo(f"written: {write_measures(measures, out / 'measures.csv')}, {report}")
