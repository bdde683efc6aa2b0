"""Full training run without a platform: all members, lip-sync, calibration."""

import logging
from collections.abc import Sequence
from pathlib import Path

from unmask.config import Settings
from unmask.data.augmentation.reencoded_copies import training_conditions
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.errors import SingleClassError
from unmask.models.lipsync.checkpoint import NOT_TRAINED_FILE
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.calibration.fit import calibrate_bundle
from unmask.training.detector.ensemble import build_ensemble_bundle, member_settings
from unmask.training.detector.fit import FrameEncoderSource, fit
from unmask.training.devices import count_devices
from unmask.training.lipsync.dataset import lip_feature_loader
from unmask.training.lipsync.fit import (
    TooFewClipsError,
    fit_lipsync,
    lipsync_clips,
    lipsync_key,
)
from unmask.training.process_group import (
    is_leader,
    join_torchrun_group,
    let_leaders_go_first,
    wait_for_all,
)

log = logging.getLogger(__name__)


def fit_all(
    clips: Sequence[Clip], settings: Settings, cache: Cache | None, work: Path, out: Path
) -> Path:
    """Fit every member and the lip-sync model, and write one uncalibrated bundle to ``out``.

    Under ``torchrun`` all processes train the members; the leader alone does the rest.

    Args:
        work: Directory of checkpoints and finished members; an interrupted run resumes there.
    """
    fitted = [clip for clip in clips if clip.split in ("train", "val")]
    with join_torchrun_group(count_devices(settings.training) * settings.training.nodes):
        with let_leaders_go_first():  # they fill the cache of their machine
            conditions = training_conditions(settings.augmentation)
            load = make_feature_loader(settings.preprocessing, cache, fitted, conditions)
        members: list[Path] = []
        for member in member_settings(settings):
            shared = members[0] if members and settings.ensemble.shared_frames else None
            encoder = FrameEncoderSource(shared, cache)
            members.append(fit(clips, member, load, work, encoder=encoder))
        if is_leader():
            lipsync = fit_lipsync_if_enabled(clips, settings, cache, work)
            build_ensemble_bundle(members, lipsync, settings, out)
        wait_for_all()
    return out


def train_and_calibrate(
    clips: Sequence[Clip], settings: Settings, cache: Cache | None, work: Path, out: Path
) -> Path:
    """Fit as :func:`fit_all` does, and calibrate the bundle."""
    uncalibrated = fit_all(clips, settings, cache, work, out.with_name(f"{out.name}-uncalibrated"))
    return calibrate_bundle(uncalibrated, clips, cache, settings.calibration_plan(), out)


def fit_lipsync_if_enabled(
    clips: Sequence[Clip], settings: Settings, cache: Cache | None, work: Path
) -> Path:
    """Return the directory of the lip-sync weights.

    It is empty where lip-sync is disabled, and holds the reason alone where the clips cannot teach
    it, such as silent ones or those in which no mouth moves with speech.
    """
    without = work / "no-sync"
    if settings.sync.enabled:
        load = lip_feature_loader(settings.preprocessing, cache, lipsync_clips(clips, settings))
        try:
            return fit_lipsync(clips, settings, load, work).parent
        except (TooFewClipsError, SingleClassError) as error:  # no lips with sound, or all still
            log.warning("%s; the detector does without it", error)
            without = work / f"no-sync-{lipsync_key(clips, settings)[:12]}"
            without.mkdir(parents=True, exist_ok=True)
            (without / NOT_TRAINED_FILE).write_text(str(error))
    without.mkdir(parents=True, exist_ok=True)
    return without
