"""Training data set: short excerpts, pseudo-fakes and augmentation, all of them reproducible."""

from collections.abc import Sequence
from dataclasses import replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from unmask.config import AugmentationSettings, TrainingSettings
from unmask.data.augmentation.policy import augment_audio, augment_sample, sample_augmentation
from unmask.data.augmentation.reencoded_copies import draw_condition
from unmask.data.augmentation.source_crops import (
    align_crops,
    degrade_crops,
    without_degradation,
)
from unmask.data.forgeries.online import OnlineForger
from unmask.data.torch.evaluation_set import (
    NO_MODALITY,
    Example,
    FeatureLoader,
    Vectors,
    feature_cache,
    slice_frames,
    unusable_example,
)
from unmask.errors import DataError
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import RATE_HZ, Clip, ClipFeatures, ModelInput


class TrainingSet(Dataset[Example]):
    """Contiguous frames of each clip's largest person and the sound that belongs to them.

    An item is addressed by ``(epoch, index)``. Excerpt and augmentation depend only on seed,
    epoch and the clip's ``pair_id``: an interrupted fit resumes identically with any number of
    workers, and a genuine clip and its fakes get the same excerpt and the same augmentation, so
    that they differ only by the forgery. Where the features hold the faces before alignment, all
    clips take their faces from there: forged or not, degraded alike, and aligned afterwards.

    Args:
        clips: May include rows of pseudo-fakes, which are forged from the genuine clip of their
            pair (:mod:`unmask.data.forgeries.online`).
        training: ``frames`` is the number of frames, ``audio_s`` the length of the sound, which
            starts with the first frame.
        vectors: Precomputed features of the largest person in each clip. They are returned
            unchanged, only the sound is augmented, and no face can be forged.
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
        self.forger = OnlineForger(clips, training, seed, feature_cache(load))

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, key: tuple[int, int]) -> Example:
        epoch, index = key
        clip = self.forger.maybe_replace(self.clips[index], epoch)
        try:
            return self._example(clip, epoch)
        except Exception as error:  # a bug that one clip triggers must not end a training
            return unusable_example(clip, error)

    def _example(self, clip: Clip, epoch: int) -> Example:
        features = self._load(clip, epoch)
        samples = to_model_inputs(features)
        if not samples:
            return Example(clip, (), NO_MODALITY)
        sample = samples[0]
        forgery = self.forger.sample_forgery(clip, sample, epoch)
        clip = forgery.relabel(clip)
        if forgery.is_pseudo_fake and not clip.is_fake:
            return Example(clip, (), "neither a face nor speech to forge")
        times_s = features.people[0].track.time_s if features.people else np.zeros(0)
        rng = np.random.default_rng((self.seed, epoch, crc32(clip.pair_id.encode())))
        voiced = self.forger.apply_voice(clip, sample, forgery)
        frames, audio_start = self._sample_excerpt(voiced, times_s, rng)
        params = sample_augmentation(self.augmentation, rng)
        excerpt = self._cut_excerpt(voiced, frames, audio_start, params.stretch or 1.0)
        audio_s = audio_start / RATE_HZ, (audio_start + len(excerpt.waveform)) / RATE_HZ
        frame_times_s = times_s[frames.start : frames.stop]
        clip = label_for_excerpt(clip, frame_times_s, audio_s)
        if self.vectors is not None:
            vectors = self.vectors[clip.sha256][frames.start : frames.stop]
            return Example(clip, (augment_audio(excerpt, params),), vectors=vectors)
        source = features.people[0].source if features.people else None
        if source is None and forgery.face_seed is not None:
            raise DataError(
                f"{clip.path}: the features lack the faces before alignment, which are forged; "
                "set preprocessing.source_faces.enabled=true"
            )
        if source is None:
            return Example(clip, (augment_sample(excerpt, params),))
        change = self.forger.sample_target_change(clip, epoch)
        crops = self.forger.render_faces(source, frames, forgery, change)
        crops, matrices = degrade_crops(crops, source.matrices[frames], params)
        aligned = align_crops(excerpt, crops, matrices, frame_times_s)
        return Example(clip, (augment_sample(aligned, without_degradation(params)),))

    def _load(self, clip: Clip, epoch: int) -> ClipFeatures:
        """Load the features of the clip, or of a re-encoded copy of its file."""
        condition = draw_condition(clip, self.augmentation, self.seed, epoch)
        if condition and self.vectors is None:
            return self.load(clip, condition)
        return self.load(clip)

    def _sample_excerpt(
        self, sample: ModelInput, times_s: NDArray[np.float64], rng: np.random.Generator
    ) -> tuple[range, int]:
        """Draw the frames; return them and the position of the first audio sample."""
        last_start = max(len(sample.waveform) - round(self.training.audio_s * RATE_HZ), 0)
        audio_start = int(rng.integers(0, last_start + 1))
        frames = random_frame_range(len(sample.faces), self.training.frames, rng)
        if len(frames):
            audio_start = min(round(float(times_s[frames.start]) * RATE_HZ), last_start)
        return frames, audio_start

    def _cut_excerpt(
        self, sample: ModelInput, frames: range, audio_start: int, stretch: float
    ) -> ModelInput:
        length = round(self.training.audio_s * RATE_HZ / stretch)
        audio = slice(audio_start, audio_start + length)
        return replace(
            slice_frames(sample, slice(frames.start, frames.stop)),
            waveform=sample.waveform[audio],
            is_speech=sample.is_speech[audio],
        )


def label_for_excerpt(
    clip: Clip, frame_times_s: NDArray[np.float64], audio_s: tuple[float, float]
) -> Clip:
    """Return ``clip`` with the labels of an excerpt, for clips that are forged only in part.

    A modality without listed segments keeps the label of the whole clip. An excerpt that misses
    all segments is genuine, unless another part of the clip is unknown or mismatched.

    Args:
        frame_times_s: Times of the excerpt's frames, shape ``(frames,)``.
        audio_s: Start and end of the excerpt's sound.
    """
    if not clip.fake_periods:
        return clip
    faces = [period for period in clip.fake_periods if period.modality == "video"]
    voices = [period for period in clip.fake_periods if period.modality == "audio"]
    face_overlaps = [
        ((frame_times_s >= period.start_s) & (frame_times_s <= period.end_s)).any()
        for period in faces
    ]
    voice_overlaps = [
        period.start_s < audio_s[1] and period.end_s > audio_s[0] for period in voices
    ]
    video = any(face_overlaps) if faces else clip.fake_video
    audio = any(voice_overlaps) if voices else clip.fake_audio
    is_fake = (video, audio, clip.mismatched) != (False, False, False)
    return replace(clip, is_fake=is_fake, fake_video=video, fake_audio=audio)


def random_frame_range(total: int, length: int, rng: np.random.Generator) -> range:
    """Return ``length`` contiguous frame indices at a random position, or all if there are fewer.

    Example:
        >>> random_frame_range(3, 8, np.random.default_rng(0))
        range(0, 3)
    """
    start = int(rng.integers(0, max(total - length, 0) + 1))
    return range(start, min(start + length, total))
