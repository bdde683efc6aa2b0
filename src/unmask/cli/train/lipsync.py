"""`unmask train lipsync`: train the lip-sync model."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.cli.options import PROFILE, Manifest, Overrides, Phase, Profile


def command(
    manifest: Manifest,
    out: Annotated[Path, typer.Option(help="Folder for the weights.")],
    phase: Phase = 3,
    profile: Profile = PROFILE,
    set_: Overrides = None,
) -> None:
    """Train the lip-sync model on genuine training clips; a finished training is not repeated."""
    from unmask.config import load_settings
    from unmask.data.manifest import read_manifest
    from unmask.preprocessing.cache import Cache
    from unmask.training.lipsync.dataset import lip_feature_loader
    from unmask.training.lipsync.fit import fit_lipsync, lipsync_clips

    settings = load_settings(phase=phase, profile=profile, overrides=set_ or ())
    clips = read_manifest(manifest)
    load = lip_feature_loader(settings.preprocessing, Cache(), lipsync_clips(clips, settings))
    file = fit_lipsync(clips, settings, load, out)
    typer.echo(f"written: {file}")
