"""Clips as torch data sets over cached features.

A clip that cannot be used is handed on with its problem, never replaced by another.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from unmask.config import ModelSettings, PreprocessingSettings
from unmask.errors import UnmaskError
from unmask.models.collate import Batch, collate, collate_face_targets
from unmask.models.losses import Targets
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.prepare import prepare_clip, to_model_inputs
from unmask.records import Clip, ClipFeatures, ModelInput

FeatureLoader = Callable[[Clip], ClipFeatures]
Vectors = dict[str, NDArray[np.float32]]
AT_HAND = 2048  # clips; each is a few of the files that a process may map


@dataclass(frozen=True, slots=True)
class Example:
    """One clip, ready for the detector, or the reason why not.

    Attributes:
        samples: One per person; one for training.
        problem: Empty where there are samples.
        vectors: Of the first sample's faces, shape ``(frames, frame_dim)``, where they were encoded
            beforehand.
        mismatched: The sound is from another moment than the faces, and both are genuine.
    """

    clip: Clip
    samples: tuple[ModelInput, ...]
    problem: str = ""
    vectors: NDArray[np.float32] | None = None
    mismatched: bool = False


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """Some clips as the detector takes them.

    Attributes:
        batch: One row per clip of ``clips``; ``None`` where none of them could be used.
        problems: Clip and reason of those left out.
        seen: Vectors of the faces, shape ``(B, T, frame_dim)``, where they were encoded beforehand.
    """

    clips: tuple[Clip, ...]
    batch: Batch | None
    targets: Targets
    problems: tuple[tuple[str, str], ...]
    seen: Tensor | None = None


def make_feature_loader(settings: PreprocessingSettings, cache: Cache | None) -> FeatureLoader:
    """Features of a clip, from ``cache`` where they are there already.

    Clips asked for lately are at hand: their arrays are mapped from the cache's files, and take
    no memory that is not looked at.
    """

    def load(clip: Clip) -> ClipFeatures:
        return prepare_clip(clip.path, settings, cache)

    return load if cache is None else lru_cache(maxsize=AT_HAND)(load)


class EvaluationClips(Dataset[Example]):
    """All that there is of each clip, for validation, tests and attacks.

    Args:
        most_frames: Of each person, from the middle of the clip; 0 takes all.
        vectors: Of the largest person's faces in each clip, by ``clip_id``.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        load: FeatureLoader,
        most_frames: int = 0,
        vectors: Vectors | None = None,
    ) -> None:
        self.clips = tuple(clips)
        self.load = load
        self.most_frames = most_frames
        self.vectors = vectors

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Example:
        clip = self.clips[index]
        try:
            samples = to_model_inputs(self.load(clip))
        except UnmaskError as error:
            return Example(clip, (), str(error))
        if not samples:
            return Example(clip, (), "neither a face nor sound in it")
        runs = [_middle(len(sample.faces), self.most_frames) for sample in samples]
        return Example(
            clip,
            tuple(slice_frames(sample, run) for sample, run in zip(samples, runs, strict=True)),
            vectors=None if self.vectors is None else self.vectors[clip.clip_id][runs[0]],
        )


def slice_frames(sample: ModelInput, run: slice) -> ModelInput:
    """The sample with some of its frames; the sound stays whole."""
    flow, points, pose = sample.flow, sample.landmarks, sample.pose_deg
    return replace(
        sample,
        faces=sample.faces[run],
        flow=None if flow is None else flow[run],
        landmarks=None if points is None else points[run],
        pose_deg=None if pose is None else pose[run],
    )


def _middle(frames: int, most: int) -> slice:
    start = max(frames - most, 0) // 2 if most else 0
    return slice(start, start + (most or frames))


def collate_examples(examples: Sequence[Example], settings: ModelSettings) -> ClipBatch:
    """The first sample of each usable example as one batch, and what is wrong with the others."""
    used = [example for example in examples if example.samples]
    clips = tuple(example.clip for example in used)
    samples = [example.samples[0] for example in used]
    batch = collate(samples, settings) if used else None
    landmarks, pose = collate_face_targets(samples) if settings.auxiliary else (None, None)
    return ClipBatch(
        clips=clips,
        batch=batch,
        targets=Targets(
            torch.tensor([clip.fake_video for clip in clips], dtype=torch.bool),
            torch.tensor([clip.fake_audio for clip in clips], dtype=torch.bool),
            landmarks,
            pose,
            torch.tensor([example.mismatched for example in used], dtype=torch.bool),
        ),
        problems=tuple((item.clip.clip_id, item.problem) for item in examples if item.problem),
        seen=None if batch is None else _seen(used, batch.frame_mask.shape[1]),
    )


def _seen(examples: Sequence[Example], frames: int) -> Tensor | None:
    """The vectors, padded like the frames that they are of."""
    known = [example.vectors for example in examples if example.vectors is not None]
    if len(known) < len(examples):
        return None
    padded = torch.zeros(len(known), frames, known[0].shape[1])
    for row, vectors in zip(padded, known, strict=True):
        row[: len(vectors)] = torch.from_numpy(np.ascontiguousarray(vectors))
    return padded


def make_collate_fn(settings: ModelSettings) -> Callable[[Sequence[Example]], ClipBatch]:
    """:func:`batch_examples` as a loader's ``collate_fn``."""
    return partial(collate_examples, settings=settings)
