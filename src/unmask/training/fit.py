"""From clips to a bundle; a fit that was killed goes on where it stopped."""

import json
import logging
import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from unmask.config import Settings, plain
from unmask.data.clips import (
    Load,
    PairSampler,
    TrainingClips,
    WholeClips,
    batcher,
    cached,
)
from unmask.data.manifest import manifest_sha
from unmask.errors import TrainingError
from unmask.models.bundle import Bundle, save_bundle
from unmask.models.calibration import Calibration
from unmask.models.detector import Detector
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.module import DetectorModule
from unmask.training.trainer import BEST, LAST, make_trainer, quiet

log = logging.getLogger(__name__)

SKIPPED = "skipped.json"


def fit(
    clips: Sequence[Clip],
    settings: Settings,
    cache: Cache | None,
    out: Path,
    logger: Any = None,
) -> Path:
    """Train on the ``train`` clips; keep the epoch that ranks the ``val`` clips best.

    Below ``out`` each set of settings and data has a folder of its own: checkpoints,
    ``history.csv``, ``skipped.json`` (clips that could not be used, and why) and ``bundle``.
    The same call again returns that bundle, or goes on with an unfinished fit.

    Args:
        clips: Of all splits; test clips are not looked at.
        logger: A Lightning logger that takes each epoch's metrics.

    Returns:
        The bundle's folder; it is not calibrated yet.

    Raises:
        TrainingError: There are no clips to train on, or not both kinds to validate on.
        WeightsError: Pretrained weights cannot be had.
    """
    return fit_features(clips, settings, cached(settings.preprocessing, cache), out, logger)


def fit_features(
    clips: Sequence[Clip], settings: Settings, load: Load, out: Path, logger: Any = None
) -> Path:
    """Like :func:`fit`, with the features of a clip from ``load``."""
    folder = out / fit_key(clips, settings)[:12]
    bundle = folder / "bundle"
    if bundle.is_dir():
        return bundle
    folder.mkdir(parents=True, exist_ok=True)
    with quiet(), torch.random.fork_rng():
        module = _train(clips, settings, load, folder, logger)
    (folder / SKIPPED).write_text(json.dumps(module.problems, indent=1) + "\n")
    for clip_id, problem in module.problems.items():
        log.warning("clip %s was left out: %s", clip_id, problem)
    provenance = {"manifest_sha256": manifest_sha(clips), "seed": str(settings.seed)}
    save_bundle(
        bundle,
        Bundle(
            members=(module.detector.cpu().eval(),),
            preprocessing=settings.preprocessing,
            calibration=Calibration(),
            phase=settings.phase,
            profile=settings.profile,
            provenance=provenance,
        ),
    )
    return bundle


def fit_key(clips: Sequence[Clip], settings: Settings) -> str:
    """Hash of everything that the weights depend on: 64 hexadecimal digits."""
    parts = {
        "clips": manifest_sha(clips),
        "seed": settings.seed,
        "phase": settings.phase,
        "profile": settings.profile,
        "preprocessing": plain(settings.preprocessing),
        "model": plain(settings.model),
        "training": plain(settings.training),
    }
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _train(
    clips: Sequence[Clip], settings: Settings, load: Load, folder: Path, logger: Any
) -> DetectorModule:
    torch.manual_seed(settings.seed)
    detector = Detector(settings.model)
    if settings.training.grad_checkpoint:
        detector.set_grad_checkpointing()
    module = DetectorModule(detector, settings.training, settings.seed)
    trainer = make_trainer(settings.training, folder, logger)
    last = folder / LAST
    if last.is_file():
        log.warning("going on with the fit in %s", folder)
    trainer.fit(
        module, *_loaders(clips, settings, load), ckpt_path=last if last.is_file() else None
    )
    state = torch.load(folder / BEST, map_location="cpu", weights_only=True)["state_dict"]
    module.load_state_dict(state)
    return module


def _loaders(
    clips: Sequence[Clip], settings: Settings, load: Load
) -> tuple[DataLoader[Any], DataLoader[Any]]:
    training = settings.training
    train = [clip for clip in clips if clip.split == "train"]
    val = [clip for clip in clips if clip.split == "val"]
    if not train or not val:
        raise TrainingError(
            f"{len(train)} training and {len(val)} validation clips; need some of each: "
            "correct the manifest's column split"
        )
    examples = TrainingClips(train, load, training.frames, training.audio_s, settings.seed)
    options: dict[str, Any] = {
        "batch_size": training.batch_clips,
        "collate_fn": batcher(settings.model),
        "num_workers": min(training.workers, os.cpu_count() or 1),
        "persistent_workers": training.workers > 0,
    }
    sampler = PairSampler(train, settings.seed)
    return (
        DataLoader(examples, sampler=sampler, **options),
        DataLoader(WholeClips(val, load), **options),
    )
