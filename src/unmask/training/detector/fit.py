"""Fit of a detector: from clips to a bundle; an interrupted fit resumes."""

import json
import logging
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException
from timm.layers import convert_sync_batchnorm

from unmask.config import Settings, TrainingSettings, to_dict
from unmask.data.forgeries.kept_voices import select_vocoders
from unmask.data.forgeries.vocoder import require_vocoders
from unmask.data.manifest import manifest_hash
from unmask.data.skipped_clips import with_used_stream
from unmask.data.splits import data_set
from unmask.data.torch.evaluation_set import FeatureLoader, Vectors
from unmask.data.torch.labelled_person import LabelledPersonLoader
from unmask.data.validation_sets import selection_clips
from unmask.errors import TrainingError
from unmask.models.bundle import Bundle, load_bundle, save_bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.models.scoring_bundle import DATA_SETS, VALIDATION, not_trained
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.code_fingerprint import training_fingerprint
from unmask.training.detector.compilation import compile_encoders
from unmask.training.detector.data_loaders import Loaders, build_loaders
from unmask.training.detector.determinism import deterministic_algorithms
from unmask.training.detector.face_errors import joint_errors_fact
from unmask.training.detector.frozen_features import extract_face_features, extract_fixed_stage
from unmask.training.detector.lightning_module import DetectorModule
from unmask.training.detector.logistic_heads import HeadData, collect_rows, fit_logistic_heads
from unmask.training.detector.out_of_memory import explain_out_of_memory
from unmask.training.detector.refit_face_heads import refit_heads
from unmask.training.detector.skipped_clips_limit import SkippedClipsLimit
from unmask.training.detector.trainable_modalities import (
    untrainable_modalities,
    without_modalities,
)
from unmask.training.detector.trainer import BEST, LAST, build_trainer, quiet_lightning
from unmask.training.devices import count_devices, training_device
from unmask.training.process_group import (
    count_processes,
    is_grouped,
    is_leader,
    is_torchrun,
    process_rank,
    run_in_processes,
    wait_for_all,
)

log = logging.getLogger(__name__)

SKIPPED = "skipped.json"


@dataclass(frozen=True, slots=True)
class FrameEncoderSource:
    """Where a detector's frame encoder comes from.

    Attributes:
        bundle: Directory of another bundle, whose frame encoder is copied and not trained; ``None``
            builds one by the settings.
        cache: Stores the features of a backbone that is not trained.
    """

    bundle: Path | None = None
    cache: Cache | None = None

    def load_base(self) -> Bundle | None:
        """Return the other bundle."""
        return None if self.bundle is None else load_bundle(self.bundle)


@dataclass(frozen=True, slots=True)
class FitTask:
    """What every process of a fit needs.

    Attributes:
        untrained: Modalities that the clips cannot teach, with the reasons.
    """

    clips: tuple[Clip, ...]
    settings: Settings
    load: FeatureLoader
    run_dir: Path
    logger: Any
    encoder: FrameEncoderSource
    untrained: Mapping[str, str]

    @property
    def bundle(self) -> Path:
        """Directory of the finished bundle."""
        return self.run_dir / "bundle"

    def select_fitted(self) -> list[Clip]:
        """Return the clips of training and of choice with a stream that the detector uses."""
        train = [clip for clip in self.clips if clip.split == "train"]
        choice = selection_clips(self.clips, self.settings)
        return with_used_stream([*train, *choice], self.settings.model.modalities)


def fit(
    clips: Sequence[Clip],
    settings: Settings,
    load: FeatureLoader,
    out: Path,
    logger: Any = None,
    encoder: FrameEncoderSource | None = None,
) -> Path:
    """Train on the ``train`` clips and keep an epoch, by default the best on validation.

    The epoch is chosen on a part of the ``val`` clips; the others are left for the calibration, see
    :func:`unmask.data.validation_sets.divide_validation`. In clips of several people the label is
    that of one, see :class:`unmask.data.torch.labelled_person.LabelledPersonLoader`.

    Each combination of settings, data and code has its own directory below ``out``, with
    checkpoints, ``history.csv``, ``skipped.json`` (clips left out, and why) and ``bundle``. The
    same call again returns that bundle, or resumes an unfinished fit. With several devices each has
    a process of its own, see :mod:`unmask.training.process_group`; this function returns in the
    calling process alone.

    Args:
        clips: Clips of all splits; test clips are not used.
        load: Loads the features of a clip with ``settings.preprocessing``; see
            :func:`unmask.data.torch.evaluation_set.make_feature_loader`.
        logger: Lightning logger of each epoch's metrics. With several devices, this and ``load``
            must be picklable.
        encoder: Where the frame encoder comes from; by default it is built by the settings.

    Returns:
        Directory of the uncalibrated bundle.

    Raises:
        TrainingError: There are no clips to train on, validation lacks a class, or the devices
            are not those of the settings.
        DataError: Too many clips cannot be used; see
            :func:`unmask.data.skipped_clips.check_skipped`.
        WeightsError: Pretrained weights cannot be loaded, or a vocoder that forges voices was not
            fetched.
    """
    untrained = untrainable_modalities(clips, settings.training, settings.model.modalities)
    settings = without_modalities(settings, untrained)
    encoder = encoder or FrameEncoderSource()
    base = encoder.load_base()
    run_dir = out / fit_key(clips, settings, "" if base is None else base.sha256)[:12]
    load = LabelledPersonLoader(load, clips)
    task = FitTask(tuple(clips), settings, load, run_dir, logger, encoder, untrained)
    if task.bundle.is_dir():
        return task.bundle
    _require_weights(settings)
    for reason in untrained.values():
        log.warning("%s; the detector does without it", reason)
    run_dir.mkdir(parents=True, exist_ok=True)
    if (processes := _count_new_processes(settings.training)) > 0:
        run_in_processes(run_fit, (task,), processes)
    else:
        run_fit(task, base)
    return task.bundle


def run_fit(task: FitTask, base: Bundle | None = None) -> None:
    """Train in this process, one of a group or the only one; the leader writes the bundle.

    Args:
        base: The bundle that ``task.encoder`` names, if it is loaded.
    """
    base = base or task.encoder.load_base()
    settings = task.settings
    training, device = settings.training, training_device(settings.training)
    with (
        quiet_lightning(),
        torch.random.fork_rng(),
        deterministic_algorithms(training.deterministic),
    ):
        module = _build_module(settings, base)
        clips = task.select_fitted()
        vectors = _extract_vectors(task, clips, module.detector)
        limit = SkippedClipsLimit(clips)
        trainer = build_trainer(training, task.run_dir, task.logger, [limit])
        validated = vectors
        if validated is None:
            val = [clip for clip in clips if clip.split == "val"]
            validated = extract_fixed_stage(module.detector, val, task.load)
        loaders = build_loaders(clips, settings, task.load, vectors, validated)
        _train(trainer, module, loaders, task.run_dir)
        if is_leader():
            module.to(device).eval()
            joint = refit_heads(module.detector, clips, task.load, vectors)
            if training.heads == "logistic":
                data = HeadData(clips, task.load, vectors, training)
                fit_logistic_heads(module.detector, collect_rows(module.detector, data))
            _save_problems(module.problems, task.run_dir / SKIPPED)
            _save_fit(task, module.detector.cpu().eval(), joint_errors_fact(joint))
    wait_for_all()


def _require_weights(settings: Settings) -> None:
    """Refuse to start without the vocoders that forge voices."""
    training = settings.training
    if training.forges("voice") and "audio" in settings.model.modalities:
        require_vocoders(select_vocoders(training.voice_forgeries))


def _count_new_processes(training: TrainingSettings) -> int:
    """Return the number of processes to start; 0 to train in this one.

    Raises:
        TrainingError: Several machines take ``torchrun``, or the command does not support it.
    """
    devices = count_devices(training)
    if is_grouped():
        return 0
    if is_torchrun():
        raise TrainingError("torchrun starts `unmask train detector` alone; run this without it")
    if training.nodes > 1:
        raise TrainingError(
            f"training.nodes is {training.nodes}; run on each machine: torchrun "
            f"--nnodes {training.nodes} --nproc-per-node {devices} --rdzv-backend c10d "
            "--rdzv-endpoint HOST:29400 --no-python unmask train detector …"
        )
    return devices if devices > 1 or training.strategy == "ddp" else 0


def _extract_vectors(task: FitTask, clips: Sequence[Clip], detector: Detector) -> Vectors | None:
    """Return the features of a backbone that is not trained, computed once."""
    settings = task.settings
    if not has_fixed_face_features(detector, settings.training):
        return None
    detector.to(training_device(settings.training)).eval()
    extract = partial(
        extract_face_features,
        detector,
        load=task.load,
        cache=task.encoder.cache,
    )
    if task.encoder.cache is not None and count_processes() > 1:  # each computes a share
        extract(clips[process_rank() :: count_processes()])
        wait_for_all()
    vectors = extract(clips)
    detector.cpu()
    hashes = {clip.sha256 for clip in clips if clip.split == "train"}
    faces = [rows for name, rows in vectors.items() if name in hashes and len(rows)]
    if sum(map(len, faces)) > 1 and not detector.frame.frozen:
        detector.frame.fit_standardisation(torch.from_numpy(np.concatenate(faces)))
    detector.train()
    return vectors


def _save_fit(task: FitTask, detector: Detector, facts: Mapping[str, str]) -> None:
    settings = task.settings
    provenance = {"manifest_sha256": manifest_hash(task.clips), "seed": str(settings.seed)}
    data_sets = sorted({data_set(clip) for clip in task.clips if clip.split in ("train", "val")})
    provenance |= {DATA_SETS: json.dumps(data_sets)}
    if not settings.training.cross_fit:
        provenance |= {VALIDATION: json.dumps(to_dict(settings.validation))}
    provenance |= {not_trained(name): reason for name, reason in task.untrained.items()}
    provenance |= dict(facts)
    save_bundle(
        task.bundle,
        Bundle(
            members=(detector,),
            preprocessing=settings.preprocessing.without_source_faces(),
            calibration=Calibration(),
            phase=settings.phase,
            profile=settings.profile,
            provenance=provenance,
        ),
    )


def has_fixed_face_features(detector: Detector, training: TrainingSettings) -> bool:
    """Return whether the backbone is not trained, and training leaves the faces unchanged."""
    frame = detector.frame
    fixed = frame.frozen or (frame.backbone_frozen and not detector.settings.flow)
    return fixed and not training.forges("face") and not training.adversarial_epsilon


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
        "validation": to_dict(settings.validation),
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
    device = training_device(settings.training)
    if device.type == "cuda" and count_processes() > 1:
        # not torch's own, which would drop the activation that timm's batch norms contain
        convert_sync_batchnorm(detector)
    if settings.training.compile:
        compile_encoders(detector, device)
    return DetectorModule(detector, settings.training, settings.seed)


def _train(trainer: Any, module: DetectorModule, loaders: Loaders, run_dir: Path) -> None:
    last = run_dir / LAST
    if last.is_file() and is_leader():
        log.warning("resuming the fit in %s", run_dir)
    try:
        with explain_out_of_memory(module.settings):
            trainer.fit(module, *loaders, ckpt_path=last if last.is_file() else None)
    except SIGTERMException as error:  # Lightning would exit with 0, as after a finished fit
        raise SystemExit(128 + signal.SIGTERM) from error
    kept = run_dir / (BEST if module.settings.keep_epoch == "best" else LAST)
    checkpoint = torch.load(kept, map_location="cpu", weights_only=True)
    module.on_load_checkpoint(checkpoint)
    module.load_state_dict(checkpoint["state_dict"])


def _save_problems(problems: dict[str, str], path: Path) -> None:
    path.write_text(json.dumps(problems, indent=1) + "\n")
    for clip_id, problem in problems.items():
        log.warning("clip %s was left out: %s", clip_id, problem)
    if problems:
        log.warning("%d clip(s) were left out; their reasons are in %s", len(problems), path)
