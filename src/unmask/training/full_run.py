"""From clips to a calibrated bundle with all that the phase asks for, without a platform."""

from collections.abc import Sequence
from pathlib import Path

from unmask.config import Settings
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.calibration.fit import calibrate_bundle
from unmask.training.detector.ensemble import build_ensemble_bundle, member_settings
from unmask.training.detector.fit import fit
from unmask.training.lipsync.dataset import lip_feature_loader
from unmask.training.lipsync.fit import fit_sync


def fit_all(
    clips: Sequence[Clip], settings: Settings, cache: Cache | None, work: Path, out: Path
) -> Path:
    """Fit every member and the lip-sync model, and join them, not calibrated, in ``out``.

    Args:
        work: Checkpoints and what is finished; a fit that was killed goes on there.
    """
    members: list[Path] = []
    for member in member_settings(settings):
        base = members[0] if members and settings.ensemble.shared_frames else None
        members.append(fit(clips, member, cache, work, frames_of=base))
    return build_ensemble_bundle(
        members, fit_lipsync_if_enabled(clips, settings, cache, work), settings, out
    )


def train_and_calibrate(
    clips: Sequence[Clip], settings: Settings, cache: Cache | None, work: Path, out: Path
) -> Path:
    """Like :func:`fit_whole`, and calibrated on the validation clips."""
    joined = fit_all(clips, settings, cache, work, out.with_name(f"{out.name}-uncalibrated"))
    weight = settings.sync.weight
    return calibrate_bundle(joined, clips, cache, settings.uncertainty, weight, out)


def fit_lipsync_if_enabled(
    clips: Sequence[Clip], settings: Settings, cache: Cache | None, work: Path
) -> Path:
    """Folder with the weights of the lip-sync model; empty where the settings ask for none."""
    if settings.sync.enabled:
        return fit_sync(
            clips, settings, lip_feature_loader(settings.preprocessing, cache), work
        ).parent
    empty = work / "no-sync"
    empty.mkdir(parents=True, exist_ok=True)
    return empty
