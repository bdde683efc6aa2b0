"""Training samples, genuine and forged side by side, all chance in them known beforehand."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from unmask.config import AugmentationSettings, TrainingSettings
from unmask.data.augmentation.policy import augment_audio, augment_sample, sample_augmentation
from unmask.data.forgeries.online import OnlineForger
from unmask.data.torch.evaluation_set import Example, FeatureLoader, Vectors, slice_frames
from unmask.errors import UnmaskError
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import RATE_HZ, Clip, ModelInput


class TrainingSet(Dataset[Example]):
    """A short run of frames of each clip's largest person, and the sound that goes with it.

    What is picked depends on seed, epoch and the clip's ``pair_id`` alone, so a fit that was
    killed goes on as if nothing had happened, with any number of workers; and a genuine clip and
    the fakes made of it show the same moment in the same light, so that they differ by the
    forgery alone.

    Args:
        clips: Some of them may be twins, which are forged here from the genuine clip of their
            pair (:mod:`unmask.data.forgeries.online`).
        training: Its ``frames`` are the run's, its ``audio_s`` the sound's length from the
            run's first frame on.
        vectors: Of the largest person's faces in each clip, by ``clip_id``: these are taken as
            they are, and only the sound is changed. No face can be forged then.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        load: FeatureLoader,
        training: TrainingSettings,
        augmentation: AugmentationSettings,
        seed: int,
        vectors: Vectors | None = None,
    ) -> None:
        self.clips = tuple(clips)
        self.load = load
        self.vectors = vectors
        self.training = training
        self.augmentation = augmentation
        self.seed = seed
        self.twins = OnlineForger(clips, training.fakes, seed)

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: tuple[int, int]) -> Example:
        epoch, index = key
        clip = self.twins.maybe_replace(self.clips[index], epoch)
        try:
            features = self.load(clip)
            samples = to_model_inputs(features)
        except UnmaskError as error:
            return Example(clip, (), str(error))
        if not samples:
            return Example(clip, (), "neither a face nor sound in it")
        sample = samples[0]
        forging = self.twins.sample_forgery(clip, sample, epoch)
        clip = forging.labelled(clip)
        if forging.is_twin and not (clip.is_fake or forging.mismatched):
            return Example(clip, (), "neither a face nor speech to forge")
        times_s = features.people[0].track.time_s if features.people else np.zeros(0)
        rng = np.random.default_rng((self.seed, epoch, crc32(clip.pair_id.encode())))
        whole = self.twins.apply_voice(clip, sample, forging)
        run, begin = self._moment(whole, times_s, rng)
        changes = sample_augmentation(self.augmentation, rng)
        cut = self._cut(whole, run, begin, changes.stretch or 1.0)
        heard_s = begin / RATE_HZ, (begin + len(cut.waveform)) / RATE_HZ
        clip = label_for_excerpt(clip, times_s[run.start : run.stop], heard_s)
        if self.vectors is not None:
            seen = self.vectors[clip.clip_id][run.start : run.stop]
            return Example(clip, (augment_audio(cut, changes),), vectors=seen)
        made = self.twins.apply_face(cut, times_s[run.start : run.stop], forging)
        return Example(clip, (augment_sample(made, changes),), mismatched=forging.mismatched)

    def _moment(
        self, sample: ModelInput, times_s: NDArray[np.float64], rng: np.random.Generator
    ) -> tuple[range, int]:
        """Which frames, and the first sample of the sound that belongs to these lips."""
        last_start = max(len(sample.waveform) - round(self.training.audio_s * RATE_HZ), 0)
        begin = int(rng.integers(0, last_start + 1))
        run = random_frame_range(len(sample.faces), self.training.frames, rng)
        if len(run):
            begin = min(round(float(times_s[run.start]) * RATE_HZ), last_start)
        return run, begin

    def _cut(self, sample: ModelInput, run: range, begin: int, stretch: float) -> ModelInput:
        wanted = round(self.training.audio_s * RATE_HZ / stretch)
        heard = slice(begin, begin + wanted)
        return replace(
            slice_frames(sample, slice(run.start, run.stop)),
            waveform=sample.waveform[heard],
            is_speech=sample.is_speech[heard],
        )


def label_for_excerpt(
    clip: Clip, seen_s: NDArray[np.float64], heard_s: tuple[float, float]
) -> Clip:
    """The labels of a moment of a clip, of which only some stretches are forged.

    A modality without listed stretches keeps the label of the whole clip.

    Args:
        seen_s: Times of the frames that are looked at, shape ``(frames,)``.
        heard_s: Begin and end of the sound.
    """
    if not clip.fake_periods:
        return clip
    faces = [period for period in clip.fake_periods if period.modality == "video"]
    voices = [period for period in clip.fake_periods if period.modality == "audio"]
    in_face = [((seen_s >= one.start_s) & (seen_s <= one.end_s)).any() for one in faces]
    in_voice = [one.start_s < heard_s[1] and one.end_s > heard_s[0] for one in voices]
    video = any(in_face) if faces else clip.fake_video
    audio = any(in_voice) if voices else clip.fake_audio
    return replace(clip, is_fake=video or audio, fake_video=video, fake_audio=audio)


class PairBatchSampler(Sampler[list[tuple[int, int]]]):
    """Batches that hold every clip once per epoch, and the clips of a pair together.

    Genuine and forged in one batch make the gradient one of the forgery (Shiohara & Yamasaki,
    CVPR 2022). The order depends on seed and epoch alone. Each epoch has as many batches as
    clips in batches of that size make; a batch may be larger by the rest of its last pair.

    Args:
        batch_clips: Clips of a batch. What was made of one clip and does not fit is torn.
        paired: Else each clip goes its own way.
    """

    def __init__(
        self, clips: Sequence[Clip], batch_clips: int, seed: int, paired: bool = True
    ) -> None:
        pairs: dict[str, list[int]] = {}
        for index, clip in enumerate(clips):
            pairs.setdefault(clip.pair_id if paired else str(index), []).append(index)
        self.batches = -(-len(clips) // batch_clips)
        self.batch_clips = batch_clips
        self.pairs = [
            tuple(pair[first : first + batch_clips])
            for pair in pairs.values()
            for first in range(0, len(pair), batch_clips)
        ]
        self.seed = seed
        self.epoch = 0
        self.sampler = self  # where Lightning looks for whom to tell of the epoch

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch, also of the first after a kill."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        batches: list[list[tuple[int, int]]] = [[] for _ in range(self.batches)]
        before = 0
        for number in rng.permutation(len(self.pairs)):
            pair = self.pairs[number]
            batches[before // self.batch_clips] += [(self.epoch, one) for one in pair]
            before += len(pair)
        if not batches[-1]:  # all of its clips came with the last pair of the batch before
            whole = batches[-2]
            batches[-2:] = whole[: len(whole) // 2], whole[len(whole) // 2 :]
        yield from batches  # and not at once: Lightning tells the epoch after it took the iterator


def random_frame_range(total: int, wanted: int, rng: np.random.Generator) -> range:
    """A run of ``wanted`` consecutive frames at a random place; all where there are fewer.

    Example:
        >>> burst(3, 8, np.random.default_rng(0))
        range(0, 3)
    """
    start = int(rng.integers(0, max(total - wanted, 0) + 1))
    return range(start, min(start + wanted, total))
