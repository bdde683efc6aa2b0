"""Fit of a detector: from clips to a bundle; an interrupted fit resumes."""

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
from unmask.data.torch.balanced_sampler import BalancedBatchSampler
from unmask.data.torch.collate import make_collate_fn
from unmask.data.torch.epoch_sampler import EpochBatchSampler
from unmask.data.torch.evaluation_set import EvaluationClips, FeatureLoader, Vectors
from unmask.data.torch.pair_sampler import PairBatchSampler
from unmask.data.torch.training_set import TrainingSet
from unmask.errors import TrainingError
from unmask.models.bundle import Bundle, load_bundle, not_trained, save_bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.code_fingerprint import training_fingerprint
from unmask.training.detector.frozen_features import extract_face_features
from unmask.training.detector.lightning_module import DetectorModule
from unmask.training.detector.refit_face_heads import refit_heads
from unmask.training.detector.skipped_clips_limit import SkippedClipsLimit
from unmask.training.detector.trainable_modalities import (
    untrainable_modalities,
    without_modalities,
)
from unmask.training.detector.trainer import BEST, LAST, best_device, build_trainer, quiet_lightning

log = logging.getLogger(__name__)

Loaders = tuple[DataLoader[Any], DataLoader[Any]]

SKIPPED = "skipped.json"


@dataclass(frozen=True, slots=True)
class FrozenFrameEncoder:
    """A frame encoder that is copied from another bundle and not trained.

    Attributes:
        bundle: Directory of the other bundle.
        cache: Stores its frame features for the members that follow.
    """

    bundle: Path
    cache: Cache | None = None


def fit(
    clips: Sequence[Clip],
    settings: Settings,
    load: FeatureLoader,
    out: Path,
    logger: Any = None,
    frozen: FrozenFrameEncoder | None = None,
) -> Path:
    """Train on the ``train`` clips and keep the epoch with the best AUC on the ``val`` clips.

    Each combination of settings, data and code has its own directory below ``out``, with
    checkpoints, ``history.csv``, ``skipped.json`` (clips left out, and why) and ``bundle``. The
    same call again returns that bundle, or resumes an unfinished fit.

    Args:
        clips: Clips of all splits; test clips are not used.
        load: Loads the features of a clip with ``settings.preprocessing``; see
            :func:`unmask.data.torch.evaluation_set.make_feature_loader`.
        logger: Lightning logger of each epoch's metrics.
        frozen: Replaces the frame encoder, which is then not trained.

    Returns:
        Directory of the uncalibrated bundle.

    Raises:
        TrainingError: There are no clips to train on, or validation lacks a class.
        DataError: Too many clips cannot be used; see
            :func:`unmask.data.skipped_clips.check_skipped`.
        WeightsError: Pretrained weights cannot be loaded.
    """
    untrained = untrainable_modalities(clips, settings.training, settings.model.modalities)
    settings = without_modalities(settings, untrained)
    base = None if frozen is None else load_bundle(frozen.bundle)
    run_dir = out / fit_key(clips, settings, "" if base is None else base.sha256)[:12]
    bundle = run_dir / "bundle"
    if bundle.is_dir():
        return bundle
    for reason in untrained.values():
        log.warning("%s; the detector does without it", reason)
    run_dir.mkdir(parents=True, exist_ok=True)
    with quiet_lightning(), torch.random.fork_rng():
        module = _build_module(settings, base)
        vectors = None
        if frozen is not None and base is not None and can_cache_face_features(settings.training):
            fitted = [clip for clip in clips if clip.split in ("train", "val")]
            vectors = extract_face_features(base, fitted, load, frozen.cache, best_device())
        limit = SkippedClipsLimit([clip for clip in clips if clip.split in ("train", "val")])
        trainer = build_trainer(settings.training, run_dir, logger, [limit])
        _train(trainer, module, _build_loaders(clips, settings, load, vectors), run_dir)
        refit_heads(module.detector.to(best_device()).eval(), clips, load, vectors)
    _save_problems(module.problems, run_dir / SKIPPED)
    provenance = {"manifest_sha256": manifest_hash(clips), "seed": str(settings.seed)}
    provenance |= {not_trained(name): reason for name, reason in untrained.items()}
    save_bundle(
        bundle,
        Bundle(
            members=(module.detector.cpu().eval(),),
            preprocessing=settings.preprocessing.without_source_faces(),
            calibration=Calibration(),
            phase=settings.phase,
            profile=settings.profile,
            provenance=provenance,
        ),
    )
    return bundle


def can_cache_face_features(training: TrainingSettings) -> bool:
    """Return whether training with a frozen frame encoder leaves the faces unchanged."""
    return training.fake_source == "labelled" and not training.adversarial_epsilon


def fit_key(clips: Sequence[Clip], settings: Settings, base_sha256: str = "") -> str:
    """Return the hash of everything that the weights depend on, 64 hexadecimal digits.

    Args:
        base_sha256: Hash of the bundle that the frame encoder is copied from.
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


def _build_module(settings: Settings, base: Bundle | None) -> DetectorModule:
    torch.manual_seed(settings.seed)
    detector = Detector(settings.model)
    if settings.training.grad_checkpoint:
        detector.set_grad_checkpointing()
    if base is not None:
        detector.frame.merge_adapters()  # those of a bundle are part of its weights
        detector.frame.load_state_dict(base.first_member.frame.state_dict())
        detector.frame.freeze()
    return DetectorModule(detector, settings.training, settings.seed)


def _train(trainer: Any, module: DetectorModule, loaders: Loaders, run_dir: Path) -> None:
    last = run_dir / LAST
    if last.is_file():
        log.warning("resuming the fit in %s", run_dir)
    try:
        trainer.fit(module, *loaders, ckpt_path=last if last.is_file() else None)
    except SIGTERMException as error:  # Lightning would exit with 0, as after a finished fit
        raise SystemExit(128 + signal.SIGTERM) from error
    state = torch.load(run_dir / BEST, map_location="cpu", weights_only=True)["state_dict"]
    module.load_state_dict(state)


def _build_loaders(
    clips: Sequence[Clip], settings: Settings, load: FeatureLoader, vectors: Vectors | None
) -> Loaders:
    """Build the data loaders of training and validation.

    Raises:
        TrainingError: One of the splits is empty.
    """
    training = settings.training
    train = [clip for clip in clips if clip.split == "train"]
    val = [clip for clip in clips if clip.split == "val"]
    if not train or not val:
        raise TrainingError(
            f"there are {len(train)} training and {len(val)} validation clips, both are needed; "
            "correct the manifest's column split"
        )
    rows = expand_training_clips(train, training.fake_source)
    training_set = TrainingSet(rows, load, training, settings.augmentation, settings.seed, vectors)
    sampler = _build_sampler(rows, training, settings.seed)
    validation_set = EvaluationClips(val, load, training.validation_frames, vectors)
    options: dict[str, Any] = {
        "collate_fn": make_collate_fn(settings.model),
        "num_workers": min(training.workers, os.cpu_count() or 1),
        "persistent_workers": training.workers > 0,
    }
    return (
        DataLoader(training_set, batch_sampler=sampler, **options),
        DataLoader(validation_set, batch_size=training.batch_clips, **options),
    )


def _build_sampler(
    rows: Sequence[Clip], training: TrainingSettings, seed: int
) -> EpochBatchSampler:
    if not training.balanced:
        return PairBatchSampler(rows, training.batch_clips, seed, training.paired)
    weights = {each.source: each.weight for each in training.source_weights}
    return BalancedBatchSampler(rows, training.batch_clips, seed, weights)


def _save_problems(problems: dict[str, str], path: Path) -> None:
    path.write_text(json.dumps(problems, indent=1) + "\n")
    for clip_id, problem in problems.items():
        log.warning("clip %s was left out: %s", clip_id, problem)
    if problems:
        log.warning("%d clip(s) were left out; their reasons are in %s", len(problems), path)
