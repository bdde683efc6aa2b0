"""Data loaders of training and validation, or one process's share of them."""

import os
from collections.abc import Sequence
from typing import Any

import cv2
from torch.utils.data import BatchSampler, DataLoader, Sampler, SequentialSampler

from unmask.config import Settings, TrainingSettings
from unmask.data.forgeries.online import expand_training_clips
from unmask.data.torch.balanced_sampler import BalancedBatchSampler
from unmask.data.torch.collate import make_collate_fn
from unmask.data.torch.epoch_sampler import EpochBatchSampler
from unmask.data.torch.evaluation_set import EvaluationClips, FeatureLoader, Vectors
from unmask.data.torch.pair_sampler import PairBatchSampler
from unmask.data.torch.sharded_sampler import ShardedBatchSampler
from unmask.data.torch.training_set import TrainingSet
from unmask.errors import TrainingError
from unmask.records import Clip
from unmask.training.devices import training_device
from unmask.training.process_group import count_processes, process_rank

Loaders = tuple[DataLoader[Any], DataLoader[Any]]


def build_loaders(
    clips: Sequence[Clip],
    settings: Settings,
    load: FeatureLoader,
    vectors: Vectors | None,
    validated: Vectors | None,
) -> Loaders:
    """Build the data loaders of training and validation.

    Args:
        vectors, validated: What was computed of the faces of training and of validation clips
            before, as :meth:`.FrameEncoder.complete` takes it.

    Raises:
        TrainingError: One of the splits is empty, or ``training.batch_clips`` cannot be divided
            among the processes.
    """
    training = settings.training
    train = [clip for clip in clips if clip.split == "train"]
    val = [clip for clip in clips if clip.split == "val"]
    if not train or not val:
        raise TrainingError(
            f"there are {len(train)} training and {len(val)} validation clips, both are needed; "
            "correct the manifest's column split"
        )
    rows = expand_training_clips(train, training)
    training_set = TrainingSet(rows, load, training, settings.augmentation, settings.seed, vectors)
    validation_set = EvaluationClips(val, load, training.validation_frames, validated)
    order = SequentialSampler(validation_set)
    options: dict[str, Any] = {
        "collate_fn": make_collate_fn(settings.model),
        "num_workers": min(training.workers, os.cpu_count() or 1),
        "worker_init_fn": _use_one_thread,
        "persistent_workers": training.workers > 0,
        "pin_memory": training.workers > 0 and training_device(training).type == "cuda",
    }
    batches = _build_sampler(rows, training, settings.seed)
    val_batches = BatchSampler(order, training.batch_clips, drop_last=False)
    return (
        DataLoader(training_set, batch_sampler=_shard(batches, training), **options),
        DataLoader(validation_set, batch_sampler=_shard(val_batches, training), **options),
    )


def _use_one_thread(_: int) -> None:
    """Let a loader process call OpenCV, whose threads do not survive a fork; 1 would join them."""
    cv2.setNumThreads(0)


def _build_sampler(
    rows: Sequence[Clip], training: TrainingSettings, seed: int
) -> EpochBatchSampler:
    if not training.balanced:
        return PairBatchSampler(rows, training.batch_clips, seed, training.paired)
    weights = {each.source: each.weight for each in training.source_weights}
    return BalancedBatchSampler(rows, training.batch_clips, seed, weights)


def _shard(batches: Sampler[list[Any]], training: TrainingSettings) -> Sampler[list[Any]]:
    processes = count_processes()
    if processes == 1:
        return batches
    if training.batch_clips % processes:
        raise TrainingError(
            f"training.batch_clips is {training.batch_clips}, which {processes} processes cannot "
            f"share; use a multiple of {processes}"
        )
    return ShardedBatchSampler(batches, process_rank(), processes)
