"""`unmask train calibrate`: calibrated probabilities and verdict thresholds."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.cli.options import PROFILE, Manifest, Overrides, Phase, Profile


def command(
    bundle: Annotated[Path, typer.Argument(help="Folder of an uncalibrated bundle.")],
    manifest: Manifest,
    out: Annotated[Path, typer.Option(help="Folder for the calibrated bundle.")],
    phase: Phase = 1,
    profile: Profile = PROFILE,
    set_: Overrides = None,
) -> None:
    """Fit scales and thresholds on the validation clips that did not choose the epoch.

    The others choose the lip-sync weight. With `training.cross_fit`, all clips that the bundle was
    trained on calibrate it, by heads fitted without them.
    """
    from unmask.config import load_settings
    from unmask.data.manifest import read_manifest
    from unmask.models.bundle import load_bundle
    from unmask.models.calibration.conformal import describe_unreachable_verdicts
    from unmask.preprocessing.cache import Cache
    from unmask.training.calibration.fit import calibrate_bundle

    settings = load_settings(phase=phase, profile=profile, overrides=set_ or ())
    calibrate_bundle(bundle, read_manifest(manifest), Cache(), settings.calibration_plan(), out)
    calibration = load_bundle(out).calibration
    typer.echo(
        f"temperature {calibration.temperature:.3f}, bias {calibration.bias:+.3f}, "
        f"lip-sync weight {calibration.sync_weight:.2f}, real below "
        f"{calibration.real_below:.3f}, fake above {calibration.fake_above:.3f}; written: {out}"
    )
    for note in describe_unreachable_verdicts(calibration.guarantee):
        typer.echo(f"note: {note}")
