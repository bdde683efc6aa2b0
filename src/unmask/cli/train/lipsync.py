"""`unmask sync`: train the net that says whether lips and speech belong together."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    manifest: Annotated[Path, typer.Argument(help="A manifest, or the folder that holds it.")],
    out: Annotated[Path, typer.Option(help="Folder for the weights.")],
    phase: Annotated[int, typer.Option(help="Phase in params.yaml.")] = 3,
    profile: Annotated[str, typer.Option(help="Profile in params.yaml.")] = "full",
    set_: Annotated[list[str] | None, typer.Option("--set", help="section.key=value")] = None,
) -> None:
    """Train on the genuine training clips; the same call again returns at once."""
    from unmask.config import load_settings
    from unmask.data.manifest import read_manifest
    from unmask.preprocessing.cache import Cache
    from unmask.training.lipsync.dataset import lip_feature_loader
    from unmask.training.lipsync.fit import fit_lipsync

    settings = load_settings(phase=phase, profile=profile, overrides=set_ or ())
    load = lip_feature_loader(settings.preprocessing, Cache())
    file = fit_lipsync(read_manifest(manifest), settings, load, out)
    typer.echo(f"written: {file}")
