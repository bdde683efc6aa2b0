"""Training data set: short excerpts, pseudo-fakes and augmentation, all of them reproducible."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from unmask.config import AugmentationSettings, TrainingSettings
from unmask.data.augmentation.policy import (
    AugmentationParams,
    augment_audio,
    augment_sample,
    sample_augmentation,
)
from unmask.data.augmentation.reencoded_copies import draw_condition
from unmask.data.augmentation.source_crops import (
    align_crops,
    degrade_crops,
    without_degradation,
)
from unmask.data.forgeries.online import PSEUDO_FAKE, ForgeryParams, OnlineForger
from unmask.data.torch.evaluation_set import (
    NO_MODALITY,
    Example,
    FeatureLoader,
    Vectors,
    feature_cache,
    slice_frames,
    unusable_example,
)
from unmask.data.torch.labelled_person import MIN_OVERLAP, mean_overlap
from unmask.data.torch.partial_excerpts import (
    draw_stretch,
    is_inside,
    label_moments,
    same_moments,
    splice,
    with_stretch,
)
from unmask.errors import DataError
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import RATE_HZ, Clip, ClipFeatures, ModelInput, PersonFeatures


class TrainingSet(Dataset[Example]):
    """Contiguous frames of each clip's first person and the sound that belongs to them.

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
        vectors: Precomputed features of the first person in each clip. They are returned
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
        self.twins = {clip.pair_id: clip for clip in self.clips if not clip.is_fake}

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
        moments = _Moments(frames, audio_start, times_s[frames.start : frames.stop], audio_s)
        twin = self._draw_twin(clip, features.people, moments, params, epoch)
        if twin is not None:
            clip = with_stretch(clip, twin.stretch_s)
            excerpt = splice(excerpt, twin.excerpt, twin.is_fake, twin.sound_s)
        labels = label_moments(clip, moments.frame_times_s, audio_s).time_stretched(params.stretch)
        clip = label_for_excerpt(clip, moments.frame_times_s, audio_s)
        if self.vectors is not None:
            vectors = _excerpt_vectors(self.vectors, clip, frames, twin)
            return Example(clip, (augment_audio(excerpt, params),), "", vectors, labels)
        source = features.people[0].source if features.people else None
        if source is None and forgery.face_seed is not None:
            raise DataError(
                f"{clip.path}: the features lack the faces before alignment, which are forged; "
                "set preprocessing.source_faces.enabled=true"
            )
        if source is not None:
            change = self.forger.sample_target_change(clip, epoch)
            crops = self.forger.render_faces(source, frames, forgery, change)
            crops, matrices = _with_twin(crops, source.matrices[frames], twin)
            crops, matrices = degrade_crops(crops, matrices, params)
            excerpt = align_crops(excerpt, crops, matrices, moments.frame_times_s)
            params = without_degradation(params)
        return Example(clip, (augment_sample(excerpt, params),), labels=labels)

    def _draw_twin(
        self,
        clip: Clip,
        people: Sequence[PersonFeatures],
        moments: "_Moments",
        params: AugmentationParams,
        epoch: int,
    ) -> "_Twin | None":
        """Return the genuine twin of a labelled fake of which this epoch takes a stretch alone.

        A twin whose first person is another one, at another place, is not used.
        """
        other = self.twins.get(clip.pair_id)
        is_whole = clip.is_fake and not clip.mismatched and not clip.fake_periods
        if not self.training.partial or not is_whole or other is None:
            return None
        rng = np.random.default_rng((self.seed, epoch, crc32(clip.clip_id.encode()), 4))
        if rng.random() >= self.training.partial or clip.manipulation == PSEUDO_FAKE:
            return None
        features = self._load(other, epoch)
        times_s = features.people[0].track.time_s if features.people else np.zeros(0)
        frames = moments.frames
        if not same_moments(moments.frame_times_s, times_s[frames.start : frames.stop]):
            return None
        tracks = [first.track for first in (*people[:1], *features.people[:1])]
        if len(tracks) == 2 and mean_overlap(*tracks) < MIN_OVERLAP:
            return None
        sample = to_model_inputs(features)[0]
        excerpt = self._cut_excerpt(sample, frames, moments.audio_start, params.stretch or 1.0)
        stretch_s = draw_stretch(moments.frame_times_s, moments.audio_s, rng)
        crops, matrices = None, None
        if features.people and (source := features.people[0].source) is not None:
            change = self.forger.sample_target_change(clip, epoch)
            crops = self.forger.render_faces(source, frames, ForgeryParams(), change)
            matrices = source.matrices[frames]
        is_fake = is_inside(moments.frame_times_s, stretch_s)
        return _Twin(other, excerpt, stretch_s, is_fake, moments.audio_s[0], crops, matrices)

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
        excerpt = slice_frames(sample, slice(frames.start, frames.stop))
        times_s = sample.times_s
        if times_s is not None:  # on the clock of the sound, which is stretched later
            times_s = (times_s[frames.start : frames.stop] - audio_start / RATE_HZ) * stretch
        return replace(
            excerpt,
            times_s=times_s,
            waveform=sample.waveform[audio],
            is_speech=sample.is_speech[audio],
        )


@dataclass(frozen=True, slots=True)
class _Moments:
    """What of a clip an excerpt shows.

    Attributes:
        frames: Rows of the frames.
        audio_start: First sample of the sound.
        frame_times_s: Shape ``(frames,)``.
        audio_s: Start and end of the sound.
    """

    frames: range
    audio_start: int
    frame_times_s: NDArray[np.float64]
    audio_s: tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Twin:
    """The genuine twin of an excerpt, and the stretch that stays forged.

    Attributes:
        stretch_s: Start and end in the clip.
        is_fake: Frames of the stretch, shape ``(frames,)``.
        audio_start_s: Start of the excerpt's sound.
        crops, matrices: Faces before alignment; ``None`` where the features hold none.
    """

    clip: Clip
    excerpt: ModelInput
    stretch_s: tuple[float, float]
    is_fake: NDArray[np.bool_]
    audio_start_s: float
    crops: list[NDArray[np.uint8]] | None
    matrices: NDArray[np.float64] | None

    @property
    def sound_s(self) -> tuple[float, float]:
        """The stretch, from the start of the excerpt's sound."""
        start_s, end_s = self.stretch_s
        return start_s - self.audio_start_s, end_s - self.audio_start_s


def _excerpt_vectors(
    vectors: Vectors, clip: Clip, frames: range, twin: _Twin | None
) -> NDArray[np.float32]:
    """Return the precomputed features of an excerpt, the twin's outside of the stretch."""
    rows = vectors[clip.sha256][frames.start : frames.stop]
    if twin is None:
        return rows
    twins = vectors[twin.clip.sha256][frames.start : frames.stop]
    return np.where(twin.is_fake[:, None], rows, twins)


def _with_twin(
    crops: list[NDArray[np.uint8]], matrices: NDArray[np.float64], twin: _Twin | None
) -> tuple[list[NDArray[np.uint8]], NDArray[np.float64]]:
    """Return the twin's crops outside of the stretch, and the matrices that align them."""
    if twin is None or twin.crops is None or twin.matrices is None:
        return crops, matrices
    pairs = zip(twin.is_fake, crops, twin.crops, strict=True)
    chosen = [forged if is_fake else genuine for is_fake, forged, genuine in pairs]
    return chosen, np.where(twin.is_fake[:, None, None], matrices, twin.matrices)


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
