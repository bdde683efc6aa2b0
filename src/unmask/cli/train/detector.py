"""`unmask train`: fit a detector, without a platform."""

import shutil
from pathlib import Path
from typing import Annotated

import typer


def command(
    manifest: Annotated[Path, typer.Argument(help="A manifest, or the folder that holds it.")],
    out: Annotated[Path, typer.Option(help="Folder for the bundle.")],
    work: Annotated[Path, typer.Option(help="Checkpoints; a killed fit goes on.")] = Path(
        "outputs/dvc/runs"
    ),
    phase: Annotated[int, typer.Option(help="Phase in params.yaml.")] = 1,
    profile: Annotated[str, typer.Option(help="Profile in params.yaml.")] = "full",
    set_: Annotated[list[str] | None, typer.Option("--set", help="section.key=value")] = None,
) -> None:
    """Fit every member on the train clips, and the lip-sync model; an uncalibrated bundle."""
    from unmask.config import load_settings
    from unmask.data.manifest import read_manifest
    from unmask.preprocessing.cache import Cache
    from unmask.training.detector.fit import fit_key
    from unmask.training.full_run import fit_all

    settings = load_settings(phase=phase, profile=profile, overrides=set_ or ())
    clips = read_manifest(manifest)
    place = work / fit_key(clips, settings)[:12]
    fit_all(clips, settings, Cache(), place, out)
    shutil.rmtree(place)  # what was made is all in `out`
    typer.echo(f"written: {out}")
