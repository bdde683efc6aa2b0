"""`unmask train detector`: train a detector without any platform."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from unmask import messages
from unmask.cli.options import PROFILE, Manifest, Overrides, Phase, Profile


def command(
    manifest: Manifest,
    out: Annotated[Path, typer.Option(help="Folder for the uncalibrated bundle.")],
    work: Annotated[
        Path, typer.Option(help="Folder for checkpoints; an interrupted fit is resumed.")
    ] = Path("outputs/dvc/runs"),
    phase: Phase = 1,
    profile: Profile = PROFILE,
    set_: Overrides = None,
) -> None:
    """Train every ensemble member and the lip-sync model; write an uncalibrated bundle."""
    from unmask.config import load_settings
    from unmask.data.manifest import read_manifest
    from unmask.preprocessing.cache import Cache
    from unmask.training.detector.fit import fit_key
    from unmask.training.full_run import fit_all
    from unmask.training.preflight import check_disk, check_machine
    from unmask.training.process_group import is_leader
    from unmask.training.sample_plan import describe_too_few

    settings = load_settings(phase=phase, profile=profile, overrides=set_ or ())
    clips = read_manifest(manifest)
    for sentence in (*check_machine(settings), *describe_too_few(clips, settings)):
        if is_leader():
            messages.write(sentence)
    check_disk(clips, settings, Cache().root)
    checkpoints = work / fit_key(clips, settings)[:12]
    fit_all(clips, settings, Cache(), checkpoints, out)
    if not is_leader():  # a further process of torchrun
        return
    shutil.rmtree(checkpoints)
    typer.echo(f"written: {out}")
