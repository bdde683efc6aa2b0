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
    """Fit the temperature and the thresholds on the validation clips."""
    from unmask.config import load_settings
    from unmask.data.manifest import read_manifest
    from unmask.models.bundle import load_bundle
    from unmask.preprocessing.cache import Cache
    from unmask.training.calibrate import calibrate_bundle

    error = load_settings(phase=phase, profile=profile).evaluation.verdict_error
    calibrate_bundle(bundle, read_manifest(manifest), Cache(), error, out)
    found = load_bundle(out).calibration
    typer.echo(
        f"temperature {found.temperature:.3f}, real at or below {found.real_below:.3f}, "
        f"fake at or above {found.fake_above:.3f}; written: {out}"
    )
