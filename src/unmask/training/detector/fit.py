"""From clips to a bundle; a fit that was killed goes on where it stopped."""

import json
import logging
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch.utils.data import DataLoader

from unmask.config import Settings, TrainingSettings, to_dict
from unmask.data.forgeries.online import expand_training_clips
from unmask.data.manifest import manifest_hash
from unmask.data.torch.evaluation_set import (
    EvaluationClips,
    FeatureLoader,
    Vectors,
    make_collate_fn,
    make_feature_loader,
)
from unmask.data.torch.training_set import PairBatchSampler, TrainingSet
from unmask.errors import TrainingError
from unmask.models.bundle import Bundle, load_bundle, save_bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.code_fingerprint import training_fingerprint
from unmask.training.detector.frozen_features import extract_face_features
from unmask.training.detector.lightning_module import DetectorModule
from unmask.training.detector.refit_face_heads import refit_heads
from unmask.training.detector.trainer import BEST, LAST, best_device, build_trainer, quiet_lightning

log = logging.getLogger(__name__)

Loaders = tuple[DataLoader[Any], DataLoader[Any]]

SKIPPED = "skipped.json"


@dataclass(frozen=True, slots=True)
class FrozenFrameEncoder:
    """A frame encoder that a member takes over and does not train.

    Attributes:
        bundle: Whose it is.
        cache: Keeps what it makes of the faces, for the next member.
    """

    bundle: Path
    cache: Cache | None = None


def fit(
    clips: Sequence[Clip],
    settings: Settings,
    cache: Cache | None,
    out: Path,
    logger: Any = None,
    frames_of: Path | None = None,
) -> Path:
    """Train on the ``train`` clips; keep the epoch that ranks the ``val`` clips best.

    Below ``out`` each set of settings and data has a folder of its own: checkpoints,
    ``history.csv``, ``skipped.json`` (clips that could not be used, and why) and ``bundle``.
    The same call again returns that bundle, or goes on with an unfinished fit.

    Args:
        clips: Of all splits; test clips are not looked at.
        logger: A Lightning logger that takes each epoch's metrics.
        frames_of: A bundle whose frame encoder is taken as it is and not trained.

    Returns:
        The bundle's folder; it is not calibrated yet.

    Raises:
        TrainingError: There are no clips to train on, or not both kinds to validate on.
        WeightsError: Pretrained weights cannot be had.
    """
    load = make_feature_loader(settings.preprocessing, cache)
    taken = None if frames_of is None else FrozenFrameEncoder(frames_of, cache)
    return fit_features(clips, settings, load, out, logger, taken)


def fit_features(
    clips: Sequence[Clip],
    settings: Settings,
    load: FeatureLoader,
    out: Path,
    logger: Any = None,
    taken: FrozenFrameEncoder | None = None,
) -> Path:
    """Like :func:`fit`, with the features of a clip from ``load``."""
    base = None if taken is None else load_bundle(taken.bundle)
    folder = out / fit_key(clips, settings, "" if base is None else base.sha256)[:12]
    bundle = folder / "bundle"
    if bundle.is_dir():
        return bundle
    folder.mkdir(parents=True, exist_ok=True)
    with quiet_lightning(), torch.random.fork_rng():
        module = _module(settings, base)
        vectors = None
        if taken is not None and base is not None and can_cache_face_features(settings.training):
            some = [clip for clip in clips if clip.split in ("train", "val")]
            vectors = extract_face_features(base, some, load, taken.cache, best_device())
        _train(module, _loaders(clips, settings, load, vectors), folder, logger)
        refit_heads(module.detector.to(best_device()).eval(), clips, load, vectors)
    (folder / SKIPPED).write_text(json.dumps(module.problems, indent=1) + "\n")
    for clip_id, problem in module.problems.items():
        log.warning("clip %s was left out: %s", clip_id, problem)
    provenance = {"manifest_sha256": manifest_hash(clips), "seed": str(settings.seed)}
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


def can_cache_face_features(training: TrainingSettings) -> bool:
    """Whether nothing is done to a face while a member learns that takes over a frame encoder."""
    return training.fakes == "labelled" and not training.adversarial_epsilon


def fit_key(clips: Sequence[Clip], settings: Settings, base_sha256: str = "") -> str:
    """Hash of everything that the weights depend on: 64 hexadecimal digits.

    Args:
        base_sha256: Of the bundle that the frame encoder is taken from.
    """
    parts = {
        "clips": manifest_hash(clips),
        "seed": settings.seed,
        "phase": settings.phase,
        "profile": settings.profile,
        "preprocessing": to_dict(settings.preprocessing),
        "model": to_dict(settings.model),
        "training": to_dict(settings.training),
        "augmentation": to_dict(settings.augmentation),
        "base": base_sha256,
        "code": training_fingerprint(),
    }
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _module(settings: Settings, base: Bundle | None) -> DetectorModule:
    torch.manual_seed(settings.seed)
    detector = Detector(settings.model)
    if settings.training.grad_checkpoint:
        detector.set_grad_checkpointing()
    if base is not None:
        detector.frame.load_state_dict(base.first_member.frame.state_dict())
        detector.frame.freeze()
    return DetectorModule(detector, settings.training, settings.seed)


def _train(module: DetectorModule, loaders: Loaders, folder: Path, logger: Any) -> None:
    trainer = build_trainer(module.settings, folder, logger)
    last = folder / LAST
    if last.is_file():
        log.warning("going on with the fit in %s", folder)
    try:
        trainer.fit(module, *loaders, ckpt_path=last if last.is_file() else None)
    except SIGTERMException as stopped:  # which leaves with 0, as if the fit were finished
        raise SystemExit(128 + signal.SIGTERM) from stopped
    state = torch.load(folder / BEST, map_location="cpu", weights_only=True)["state_dict"]
    module.load_state_dict(state)


def _loaders(
    clips: Sequence[Clip], settings: Settings, load: FeatureLoader, vectors: Vectors | None
) -> Loaders:
    training = settings.training
    train = [clip for clip in clips if clip.split == "train"]
    val = [clip for clip in clips if clip.split == "val"]
    if not train or not val:
        raise TrainingError(
            f"{len(train)} training and {len(val)} validation clips; need some of each: "
            "correct the manifest's column split"
        )
    rows = expand_training_clips(train, training.fakes)
    examples = TrainingSet(rows, load, training, settings.augmentation, settings.seed, vectors)
    options: dict[str, Any] = {
        "collate_fn": make_collate_fn(settings.model),
        "num_workers": min(training.workers, os.cpu_count() or 1),
        "persistent_workers": training.workers > 0,
    }
    batches = PairBatchSampler(rows, training.batch_clips, settings.seed, training.paired)
    whole = EvaluationClips(val, load, training.validation_frames, vectors)
    return (
        DataLoader(examples, batch_sampler=batches, **options),
        DataLoader(whole, batch_size=training.batch_clips, **options),
    )
