"""Evaluation data set: all people, frames and sound of each clip, read from cached features.

A clip that cannot be used is returned with its problem and never replaced by another clip.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from unmask.config import PreprocessingSettings
from unmask.data.augmentation.reencoded_copies import reencode_training_clips
from unmask.data.splits import refuse_sealed
from unmask.data.torch.partial_excerpts import MomentLabels, label_moments
from unmask.errors import DataError, UnmaskError, describe_problem
from unmask.preprocessing.cache import EXHAUSTED, Cache
from unmask.preprocessing.parallel import count_jobs
from unmask.preprocessing.prepare import prepare_clip, to_model_inputs
from unmask.preprocessing.run_batch import fill_cache
from unmask.records import RATE_HZ, Clip, ClipFeatures, ModelInput

FeatureLoader = Callable[..., ClipFeatures]  # of a clip, and of a copy by its codec condition
Copies = dict[tuple[Path, str], Path]  # by file and codec condition
Vectors = dict[str, NDArray[np.float32]]  # by the SHA-256 of the file, each (frames, width)
MAX_CACHED_CLIPS = 2048  # each keeps up to six files mapped; Linux allows 65,530 mappings a process
NO_MODALITY = "neither a face nor sound in the clip"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Example:
    """One clip as model inputs, or the reason why it cannot be used.

    Attributes:
        samples: One per person; a training set returns one.
        problem: Empty if there are samples.
        vectors: Precomputed features of the first sample's faces, of the frame encoder's backbone,
            shape ``(frames, width)``; ``None`` if the detector encodes the faces itself.
        labels: Labels of the first sample's frames and audio steps; ``None`` if unknown.
    """

    clip: Clip
    samples: tuple[ModelInput, ...]
    problem: str = ""
    vectors: NDArray[np.float32] | None = None
    labels: MomentLabels | None = None


def make_feature_loader(
    settings: PreprocessingSettings,
    cache: Cache | None,
    clips: Sequence[Clip] = (),
    reencodings: Sequence[str] = (),
) -> FeatureLoader:
    """Return a function that loads a clip's features, from ``cache`` if they are stored there.

    With a cache, the most recently used clips stay loaded. Their arrays are memory-mapped, so
    only the parts that are read occupy memory.

    Only clips of the split ``train`` get faces before alignment.

    Args:
        clips: Their features are computed first where the cache lacks them, in worker processes,
            so that a file that crashes the decoder does not crash this process.
        reencodings: Codec conditions under which the training clips are re-encoded, too. The
            function takes one as its second argument; without a copy it loads the clip itself.

    Raises:
        DataError: There are codec conditions, but no cache to keep the copies in, or a clip is
            sealed.
    """
    refuse_sealed(clip.split for clip in clips)
    evaluated = settings.without_source_faces()
    copies: Copies = {}
    if cache is not None:
        jobs = count_jobs()
        fill_cache([clip for clip in clips if clip.split == "train"], settings, cache, jobs)
        fill_cache([clip for clip in clips if clip.split != "train"], evaluated, cache, jobs)
        copies = reencode_training_clips(clips, reencodings, settings, cache, jobs)
    elif reencodings:
        raise DataError(
            "augmentation.reencode keeps copies of the clips in the cache; give --cache, or set "
            "augmentation.reencode=0"
        )
    return _PreparedClips(settings, cache, copies)


def feature_cache(load: FeatureLoader) -> Cache | None:
    """Return the cache that a loader of :func:`make_feature_loader` reads, if there is one."""
    cache: Cache | None = getattr(load, "cache", None)
    return cache


class _PreparedClips:
    """A feature loader that can be sent to another process, without the clips it keeps loaded."""

    def __init__(
        self, settings: PreprocessingSettings, cache: Cache | None, copies: Copies
    ) -> None:
        self.settings = settings
        self.cache = cache
        self.copies = copies
        self._load = (
            self._prepare if cache is None else lru_cache(maxsize=MAX_CACHED_CLIPS)(self._prepare)
        )

    def __call__(self, clip: Clip, condition: str = "") -> ClipFeatures:
        return self._load(clip, condition)

    def __reduce__(self) -> tuple[type["_PreparedClips"], tuple[Any, ...]]:
        return type(self), (self.settings, self.cache, self.copies)

    def _prepare(self, clip: Clip, condition: str) -> ClipFeatures:
        path = self.copies.get((clip.path, condition), clip.path)
        settings = self.settings
        if clip.split != "train":
            settings = settings.without_source_faces()
        return prepare_clip(path, settings, self.cache)


class EvaluationClips(Dataset[Example]):
    """Clips with all their people and sound, for validation, tests and attacks.

    Args:
        max_frames: Frames per person, taken from the middle of the clip; 0 takes all.
        vectors: Precomputed features of the backbone, of the first person in each clip.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        load: FeatureLoader,
        max_frames: int = 0,
        vectors: Vectors | None = None,
    ) -> None:
        self.clips = tuple(clips)
        self.load = load
        self.max_frames = max_frames
        self.vectors = vectors

    def __len__(self) -> int:
        return len(self.clips)

    def __iter__(self) -> Iterator[Example]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> Example:
        clip = self.clips[index]
        try:
            return self._example(clip)
        except Exception as error:  # a bug that one clip triggers must not end a training
            return unusable_example(clip, error)

    def _example(self, clip: Clip) -> Example:
        features = self.load(clip)
        samples = to_model_inputs(features)
        if not samples:
            return Example(clip, (), NO_MODALITY)
        slices = [_middle_slice(len(sample.faces), self.max_frames) for sample in samples]
        times_s = features.people[0].track.time_s if features.people else np.zeros(0)
        sound_s = 0.0, len(samples[0].waveform) / RATE_HZ
        return Example(
            clip,
            tuple(slice_frames(sample, part) for sample, part in zip(samples, slices, strict=True)),
            vectors=None if self.vectors is None else self.vectors[clip.sha256][slices[0]],
            labels=label_moments(clip, times_s[slices[0]], sound_s),
        )


def unusable_example(clip: Clip, error: Exception) -> Example:
    """Return the example of a clip that cannot be used because of ``error``; bugs are logged.

    Raises:
        OSError: ``error`` itself, if no file can be opened at present: then no clip is at fault.
    """
    if isinstance(error, OSError) and error.errno in EXHAUSTED:
        raise error
    if not isinstance(error, UnmaskError):
        log.exception("clip %s", clip.clip_id, exc_info=error)
    return Example(clip, (), describe_problem(clip.path, error))


def slice_frames(sample: ModelInput, frames: slice | NDArray[np.bool_]) -> ModelInput:
    """Return ``sample`` with the selected frames and all of its sound."""
    names = ("flow", "landmarks", "pose_deg", "times_s", "shots")
    rows = {name: values for name in names if (values := getattr(sample, name)) is not None}
    selected = {name: values[frames] for name, values in rows.items()}
    return replace(sample, faces=sample.faces[frames], **selected)


def _middle_slice(frames: int, max_frames: int) -> slice:
    start = max(frames - max_frames, 0) // 2 if max_frames else 0
    return slice(start, start + (max_frames or frames))
