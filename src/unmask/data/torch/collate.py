"""Collate function: examples of clips to one padded batch with its training targets."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from unmask.config import ModelSettings
from unmask.data.torch.evaluation_set import Example
from unmask.data.torch.partial_excerpts import pad_labels
from unmask.models.calibration.segments import STEP_S
from unmask.models.collate import Batch, collate, collate_face_targets
from unmask.models.losses import Targets
from unmask.models.padding import has_input, missing_input
from unmask.records import RATE_HZ, Clip


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """A batch of clips as the detector takes it.

    Attributes:
        clips: Clips that could be used, one per row of ``batch``.
        batch: ``None`` if no clip could be used.
        problems: ``clip_id`` and reason of each clip left out.
        frame_features: Precomputed features of the backbone, shape ``(B, T, width)``; ``None``
            if the detector encodes the frames itself.
    """

    clips: tuple[Clip, ...]
    batch: Batch | None
    targets: Targets
    problems: tuple[tuple[str, str], ...]
    frame_features: Tensor | None = None

    def to(self, device: torch.device | str) -> "ClipBatch":
        """Return the batch on another device; the copy from pinned memory does not block."""
        return self._map(lambda x: x.to(device, non_blocking=True))

    def pin_memory(self) -> "ClipBatch":
        """Return the batch in pinned memory; ``DataLoader`` calls this."""
        return self._map(lambda x: x.pin_memory())

    def _map(self, function: Callable[[Tensor], Tensor]) -> "ClipBatch":
        return replace(
            self,
            batch=None if self.batch is None else self.batch.map(function),
            targets=self.targets.map(function),
            frame_features=(None if self.frame_features is None else function(self.frame_features)),
        )


def collate_examples(examples: Sequence[Example], settings: ModelSettings) -> ClipBatch:
    """Batch the first sample of each usable example; list the problems of the others.

    Args:
        settings: With ``auxiliary``, the targets include landmarks and head pose. Samples without
            a modality of ``modalities`` cannot be used.
    """
    problems = [_problem(example, settings) for example in examples]
    pairs = list(zip(examples, problems, strict=True))
    usable = [example for example, problem in pairs if not problem]
    clips = tuple(example.clip for example in usable)
    samples = [example.samples[0] for example in usable]
    encoded = all(example.vectors is not None for example in usable)
    batch = collate(samples, settings, with_pixels=not encoded) if usable else None
    landmarks, pose = None, None
    if settings.auxiliary and usable:
        landmarks, pose = collate_face_targets(samples)
    return ClipBatch(
        clips=clips,
        batch=batch,
        targets=replace(
            label_clips(clips), landmarks=landmarks, pose=pose, **_moment_labels(usable, batch)
        ),
        problems=tuple((example.clip.clip_id, problem) for example, problem in pairs if problem),
        frame_features=None if batch is None else _pad_vectors(usable, batch.frame_mask.shape[1]),
    )


def _moment_labels(usable: Sequence[Example], batch: Batch | None) -> dict[str, Tensor]:
    """Return the labels of frames and audio steps, padded like the batch."""
    if batch is None:
        return {}
    labels = [example.labels for example in usable]
    steps = -(-batch.waveform.shape[1] // round(STEP_S * RATE_HZ))
    frames = [None if row is None else row.frames for row in labels]
    sounds = [None if row is None else row.steps for row in labels]
    return {
        "frame_is_fake": torch.from_numpy(pad_labels(frames, batch.frame_mask.shape[1])),
        "step_is_fake": torch.from_numpy(pad_labels(sounds, steps)),
    }


def _problem(example: Example, settings: ModelSettings) -> str:
    if example.samples and not has_input(example.samples[0], settings):
        return f"{missing_input(settings)} in the clip"
    return example.problem


def label_clips(clips: Sequence[Clip]) -> Targets:
    """Return the labels of clips."""

    def flags(values: Iterable[bool]) -> Tensor:
        return torch.tensor(list(values), dtype=torch.bool)

    return Targets(
        is_fake=flags(clip.is_fake for clip in clips),
        fake_video=flags(clip.fake_video is True for clip in clips),
        fake_audio=flags(clip.fake_audio is True for clip in clips),
        knows_video=flags(clip.fake_video is not None for clip in clips),
        knows_audio=flags(clip.fake_audio is not None for clip in clips),
    )


def make_collate_fn(settings: ModelSettings) -> Callable[[Sequence[Example]], ClipBatch]:
    """Return :func:`collate_examples` as the ``collate_fn`` of a ``DataLoader``."""
    return partial(collate_examples, settings=settings)


def _pad_vectors(examples: Sequence[Example], frames: int) -> Tensor | None:
    """Pad the precomputed features to ``frames``; ``None`` unless every example has them."""
    vectors = [example.vectors for example in examples if example.vectors is not None]
    if len(vectors) < len(examples):
        return None
    padded = torch.zeros(len(vectors), frames, vectors[0].shape[1])
    for row, values in zip(padded, vectors, strict=True):
        row[: len(values)] = torch.from_numpy(np.ascontiguousarray(values))
    return padded
