"""Checks of the machine before a run prepares anything: weights, devices, memory and disk."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from unmask.config import Settings
from unmask.errors import DataError
from unmask.models.backbones.frame_encoder import FrameEncoder
from unmask.models.backbones.pretrained_voice import load_voice
from unmask.records import Clip
from unmask.training.devices import count_devices, training_device

GIB = 2**30
# of the cache, per second of video with one person: aligned faces, flow, mouth crops and speech;
# 1.6 GB for the 1183 s of the demo set in phase 3
CACHE_BYTES_PER_S = 1.4e6
SOURCE_FACE_BYTES_PER_S = 0.3e6  # in training clips, see docs/own-data.md
MIN_MEMORY_GIB = 8.0  # an estimate: both networks of profile full with Adam take 2 GiB


def check_machine(settings: Settings) -> Iterator[str]:
    """Load pretrained weights and count devices; yield a sentence on what will hamper the run.

    Nothing is checked where all weights are random, as in profile demo.

    Raises:
        WeightsError: Weights are neither on the hub, nor in its cache, nor in a file.
        ConfigError: There is no such backbone.
        TrainingError: There are fewer devices than the settings ask for.
    """
    count_devices(settings.training)
    model = settings.model
    if model.frame_weights != "random":
        FrameEncoder(model)
    if model.voice_weights != "random":
        load_voice(model.voice_backbone, model.voice_weights)
    if model.frame_weights == "random" or model.trainable == "none":
        return
    if training_device(settings.training).type == "cpu":
        yield (
            f"no GPU: {model.frame_backbone} is trained on the CPU, which takes days; profile "
            "field trains without a GPU"
        )
    memory_gib = _machine_memory() / GIB
    if memory_gib < MIN_MEMORY_GIB:
        yield (
            f"{memory_gib:.1f} GiB of memory; {MIN_MEMORY_GIB:.0f} are advisable. If it is "
            "exhausted, set training.batch_clips, training.grad_checkpoint or training.precision"
        )


def check_disk(clips: Sequence[Clip], settings: Settings, cache: Path) -> None:
    """Check that the features of the clips fit on the disk of the cache.

    Raises:
        DataError: They do not, even with what is in the cache already.
    """
    needed = estimate_cache_bytes(clips, settings)
    place = next(folder for folder in (cache, *cache.absolute().parents) if folder.exists())
    free, used = shutil.disk_usage(place).free, _size_of(cache)
    if needed > free + used:
        raise DataError(
            f"{cache}: the features of {len(clips)} clips take about {needed / GIB:.1f} GiB, and "
            f"{free / GIB:.1f} GiB are free; free some, or lower preprocessing.sampling.rate_hz"
        )


def estimate_cache_bytes(clips: Sequence[Clip], settings: Settings) -> float:
    """Return about how much the cache takes for the features of clips.

    Training clips are kept once more under each condition of ``augmentation.reencodings``, where
    ``augmentation.reencode`` is on, and with their source faces, where these are.
    """
    total_s = sum(clip.duration_s for clip in clips)
    train_s = sum(clip.duration_s for clip in clips if clip.split == "train")
    augmentation = settings.augmentation
    copies = len(augmentation.reencodings) if augmentation.reencode else 0
    needed = CACHE_BYTES_PER_S * (total_s + copies * train_s)
    if settings.preprocessing.source_faces.enabled:
        needed += SOURCE_FACE_BYTES_PER_S * train_s
    return needed * settings.preprocessing.sampling.rate_hz / 5.0


def _machine_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
