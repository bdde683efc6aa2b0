"""`unmask calibrate`: scores that are probabilities, and the verdict's thresholds."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    bundle: Annotated[Path, typer.Argument(help="Folder of an uncalibrated bundle.")],
    manifest: Annotated[Path, typer.Argument(help="A manifest, or the folder that holds it.")],
    out: Annotated[Path, typer.Option(help="Folder for the calibrated bundle.")],
    phase: Annotated[int, typer.Option(help="Phase in params.yaml.")] = 1,
    profile: Annotated[str, typer.Option(help="Profile in params.yaml.")] = "full",
) -> None:
    """Fit temperature, bias, weight of lip-sync and thresholds on the validation clips."""
    from unmask.config import load_settings
    from unmask.data.manifest import read_manifest
    from unmask.models.bundle import load_bundle
    from unmask.models.calibration.conformal import describe_unreachable_verdicts
    from unmask.preprocessing.cache import Cache
    from unmask.training.calibration.fit import calibrate_bundle

    settings = load_settings(phase=phase, profile=profile)
    promise, sync_weight = settings.uncertainty, settings.sync.weight
    calibrate_bundle(bundle, read_manifest(manifest), Cache(), promise, sync_weight, out)
    found = load_bundle(out).calibration
    typer.echo(
        f"temperature {found.temperature:.3f}, bias {found.bias:+.3f}, "
        f"lip-sync weighs {found.sync_weight:.2f}, "
        f"real below {found.real_below:.3f}, fake above {found.fake_above:.3f}; written: {out}"
    )
    for note in describe_unreachable_verdicts(found.guarantee):
        typer.echo(f"note: {note}")
