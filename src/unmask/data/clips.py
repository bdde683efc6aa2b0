"""Clips as torch data sets over cached features.

A clip that cannot be used is handed on with its problem, never replaced by another.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from unmask.config import ModelSettings, PreprocessingSettings
from unmask.data.augment import augment
from unmask.errors import UnmaskError
from unmask.models.batch import Batch, collate, face_targets
from unmask.models.losses import Targets
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.prepare import prepare, samples_of
from unmask.records import RATE_HZ, Clip, ClipFeatures, Sample

Load = Callable[[Clip], ClipFeatures]
T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Example:
    """One clip, ready for the detector, or the reason why not.

    Attributes:
        samples: One per person; one for training.
        problem: Empty where there are samples.
    """

    clip: Clip
    samples: tuple[Sample, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """Some clips as the detector takes them.

    Attributes:
        batch: One row per clip of ``clips``; ``None`` where none of them could be used.
        problems: Clip and reason of those left out.
    """

    clips: tuple[Clip, ...]
    batch: Batch | None
    targets: Targets
    problems: tuple[tuple[str, str], ...]


def cached(settings: PreprocessingSettings, cache: Cache | None) -> Load:
    """Features of a clip, from ``cache`` where they are there already."""

    def load(clip: Clip) -> ClipFeatures:
        return prepare(clip.path, settings, cache)

    return load


class WholeClips(Dataset[Example]):
    """All that there is of each clip, for validation, tests and attacks."""

    def __init__(self, clips: Sequence[Clip], load: Load) -> None:
        self.clips = tuple(clips)
        self.load = load

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Example:
        clip = self.clips[index]
        try:
            samples = samples_of(self.load(clip))
        except UnmaskError as error:
            return Example(clip, (), str(error))
        return Example(clip, samples, "" if samples else "neither a face nor sound in it")


class TrainingClips(Dataset[Example]):
    """A short run of frames of each clip's largest person, and the sound that goes with it.

    What is picked depends on seed, epoch and the clip's ``pair_id`` alone, so a fit that was
    killed goes on as if nothing had happened, with any number of workers; and a genuine clip and
    the fakes made of it show the same moment in the same light, so that they differ by the
    forgery alone.

    Args:
        frames: Length of the run.
        audio_s: Length of the sound, from the run's first frame on.
    """

    def __init__(
        self, clips: Sequence[Clip], load: Load, frames: int, audio_s: float, seed: int
    ) -> None:
        self.whole = WholeClips(clips, load)
        self.frames = frames
        self.audio_s = audio_s
        self.seed = seed

    def __len__(self) -> int:
        return len(self.whole)

    def __getitem__(self, key: tuple[int, int]) -> Example:
        epoch, index = key
        clip = self.whole.clips[index]
        rng = np.random.default_rng((self.seed, epoch, crc32(clip.pair_id.encode())))
        try:
            features = self.whole.load(clip)
            samples = samples_of(features)
        except UnmaskError as error:
            return Example(clip, (), str(error))
        if not samples:
            return Example(clip, (), "neither a face nor sound in it")
        times_s = features.people[0].track.time_s if features.people else np.zeros(0)
        return Example(clip, (augment(self._cut(samples[0], times_s, rng), rng),))

    def _cut(
        self, sample: Sample, times_s: NDArray[np.float64], rng: np.random.Generator
    ) -> Sample:
        wanted = round(self.audio_s * RATE_HZ)
        last_start = max(len(sample.waveform) - wanted, 0)
        begin = int(rng.integers(0, last_start + 1))
        run = burst(len(sample.faces), self.frames, rng)
        if len(run):  # the sound that belongs to these lips
            begin = min(round(float(times_s[run.start]) * RATE_HZ), last_start)
        heard = slice(begin, begin + wanted)
        return Sample(
            faces=sample.faces[run.start : run.stop],
            flow=_cut_run(sample.flow, run),
            waveform=sample.waveform[heard],
            is_speech=sample.is_speech[heard],
            landmarks=_cut_run(sample.landmarks, run),
            pose_deg=_cut_run(sample.pose_deg, run),
        )


class PairSampler(Sampler[tuple[int, int]]):
    """Every clip once per epoch, the clips of a pair side by side.

    Genuine and forged in one batch make the gradient one of the forgery (Shiohara & Yamasaki,
    CVPR 2022). The order depends on seed and epoch alone.
    """

    def __init__(self, clips: Sequence[Clip], seed: int) -> None:
        self.pairs: dict[str, list[int]] = {}
        for index, clip in enumerate(clips):
            self.pairs.setdefault(clip.pair_id, []).append(index)
        self.clips = len(clips)
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch, also of the first after a kill."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.clips

    def __iter__(self) -> Iterator[tuple[int, int]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        pairs = list(self.pairs.values())
        order = [index for pair in rng.permutation(len(pairs)) for index in pairs[pair]]
        return iter([(self.epoch, index) for index in order])


def burst(total: int, wanted: int, rng: np.random.Generator) -> range:
    """A run of ``wanted`` consecutive frames at a random place; all where there are fewer.

    Example:
        >>> burst(3, 8, np.random.default_rng(0))
        range(0, 3)
    """
    start = int(rng.integers(0, max(total - wanted, 0) + 1))
    return range(start, min(start + wanted, total))


def _cut_run(rows: NDArray[T] | None, run: range) -> NDArray[T] | None:
    return None if rows is None else rows[run.start : run.stop]


def batch_examples(examples: Sequence[Example], settings: ModelSettings) -> ClipBatch:
    """The first sample of each usable example as one batch, and what is wrong with the others."""
    used = [example for example in examples if example.samples]
    clips = tuple(example.clip for example in used)
    samples = [example.samples[0] for example in used]
    return ClipBatch(
        clips=clips,
        batch=collate(samples, settings) if used else None,
        targets=Targets(
            torch.tensor([clip.fake_video for clip in clips], dtype=torch.bool),
            torch.tensor([clip.fake_audio for clip in clips], dtype=torch.bool),
            *(face_targets(samples) if settings.auxiliary else ()),
        ),
        problems=tuple((item.clip.clip_id, item.problem) for item in examples if item.problem),
    )


def batcher(settings: ModelSettings) -> Callable[[Sequence[Example]], ClipBatch]:
    """:func:`batch_examples` as a loader's ``collate_fn``."""
    return partial(batch_examples, settings=settings)
