"""Training data of the lip-sync network: mouth crops of genuine clips with their sound."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from unmask.config import FlowSettings, PreprocessingSettings
from unmask.data.torch.evaluation_set import FeatureLoader, make_feature_loader
from unmask.errors import DataError, describe_problem
from unmask.models.active_speaker import find_speakers, mark_speech, spoken_by
from unmask.models.lipsync.scoring import contiguous_runs
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import RATE_HZ, Clip, ModelInput, MouthCrops

MAX_SHIFT_PX = 3  # of a crop of 48 px
MAX_ZOOM = 0.12
MAX_ROTATION_RAD = 0.12
MAX_CONTRAST_CHANGE = 0.3
MAX_NOISE_LEVELS = 4.0  # grey levels of 255
SNR_DB = (5.0, 40.0)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SyncClip:
    """Lips and sound of the largest person in a clip.

    Attributes:
        sample: With mouth crops and at least one audio sample, without faces and flow.
    """

    clip: Clip
    sample: ModelInput

    @property
    def lips(self) -> MouthCrops:
        """Mouth crops of the sample.

        Raises:
            DataError: The sample has no mouth crops; :func:`sync_clips` yields no such clip.
        """
        if self.sample.lips is None:
            raise DataError(f"clip {self.clip.clip_id} has no mouth crops")
        return self.sample.lips


def lips_only(settings: PreprocessingSettings) -> PreprocessingSettings:
    """Return the settings with mouth crops enabled, and without flow and source faces."""
    lips = settings.lips.replace(enabled=True)
    return settings.without_source_faces().replace(lips=lips, flow=FlowSettings(enabled=False))


def lip_feature_loader(
    settings: PreprocessingSettings, cache: Cache | None, clips: Sequence[Clip] = ()
) -> FeatureLoader:
    """Return a loader of features with mouth crops, even if ``settings`` disable them.

    Args:
        clips: See :func:`unmask.data.torch.evaluation_set.make_feature_loader`.
    """
    return make_feature_loader(lips_only(settings), cache, clips)


def sync_clips(clips: Iterable[Clip], load: FeatureLoader) -> Iterator[SyncClip]:
    """Yield the clips that have mouth crops with sound; log the others with their problem."""
    for clip in clips:
        try:
            usable = read_sync_clip(clip, load)
        except Exception as error:  # a bug that one clip triggers must not end a training
            log.warning(
                "clip %s was left out: %s", clip.clip_id, describe_problem(clip.path, error)
            )
            continue
        if usable is not None:
            yield usable
        else:
            log.warning("clip %s was left out: it has no mouth crops with sound", clip.clip_id)


def read_sync_clip(clip: Clip, load: FeatureLoader) -> SyncClip | None:
    """Return lips and sound of a clip; ``None`` if it has no mouth crops with sound."""
    features = load(clip)
    samples = mark_speech(find_speakers(features), to_model_inputs(features))
    if not samples or not _is_usable(samples[0]):
        return None
    sample = replace(samples[0], is_speech=spoken_by(samples[0]), speaks=None)
    return SyncClip(clip, _without_faces(sample))


def delay_audio(sample: ModelInput, delay_s: float) -> ModelInput:
    """Return the sample with its sound delayed, or advanced if negative, and padded by silence."""
    delay = round(delay_s * RATE_HZ)
    return replace(
        sample, waveform=_shift(sample.waveform, delay), is_speech=_shift(sample.is_speech, delay)
    )


def swap_audio(sample: ModelInput, source: ModelInput) -> ModelInput:
    """Return the sample with the sound of ``source``, repeated if that is shorter."""
    length = len(sample.waveform)
    return replace(
        sample,
        waveform=np.resize(source.waveform, length),
        is_speech=np.resize(source.is_speech, length),
    )


def random_crop(
    clip: SyncClip, max_ticks: int, rate_hz: float, rng: np.random.Generator
) -> tuple[Tensor, Tensor, NDArray[np.bool_]]:
    """Cut a random part out of a random contiguous run of mouth crops.

    Args:
        max_ticks: Maximal length; a shorter run is taken whole.
        rate_hz: Ticks per second.

    Returns:
        Mouth crops, shape ``(T, crop, crop)``; the sound of the same time, shape
        ``(samples,)``; and its speech mask, shape ``(samples,)``.
    """
    sample, lips = clip.sample, clip.lips
    ticks = np.rint(lips.time_s * rate_hz).astype(int)
    runs = [
        run for run in contiguous_runs(ticks) if _ticks_with_audio(sample, ticks[run], rate_hz) > 0
    ]
    weights = np.array([run.stop - run.start for run in runs], np.float64)
    run = runs[int(rng.choice(len(runs), p=weights / weights.sum()))]
    available = _ticks_with_audio(sample, ticks[run], rate_hz)
    length = min(available, max_ticks)
    start = run.start + int(rng.integers(0, available - length + 1))
    tick_samples = round(RATE_HZ / rate_hz)
    first = int(ticks[start]) * tick_samples
    audio = slice(first, first + length * tick_samples)
    return (
        torch.from_numpy(np.array(lips.mouths[start : start + length])),
        torch.from_numpy(np.array(sample.waveform[audio])),
        sample.is_speech[audio],
    )


def augment_mouths(
    mouths: Tensor, sound: Tensor, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Change the look of the crops and add noise to crops and sound, without a shift in time.

    All crops are mirrored, shifted, zoomed, rotated and changed in contrast alike. The volume
    stays as it is, because the network normalises it.

    Args:
        mouths: Shape ``(T, crop, crop)``.
        sound: Shape ``(samples,)``.
    """
    x = mouths.float()[:, None]
    zoom = 1 + rng.uniform(-MAX_ZOOM, MAX_ZOOM)
    angle = rng.uniform(-MAX_ROTATION_RAD, MAX_ROTATION_RAD)
    shift = rng.uniform(-MAX_SHIFT_PX, MAX_SHIFT_PX, 2) / 24  # half a crop is 1
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    matrix = torch.tensor([[mirror * cos, -sin, shift[0]], [mirror * sin, cos, shift[1]]])
    grid = F.affine_grid(matrix.float()[None], [1, 1, *x.shape[2:]], align_corners=False)
    x = F.grid_sample(
        x, grid.expand(len(x), -1, -1, -1), padding_mode="border", align_corners=False
    )
    noise = torch.from_numpy(rng.standard_normal(x.shape, np.float32))
    contrast = rng.uniform(1 - MAX_CONTRAST_CHANGE, 1 + MAX_CONTRAST_CHANGE)
    x = x * contrast + noise * rng.uniform(0, MAX_NOISE_LEVELS)
    hiss = torch.from_numpy(rng.standard_normal(sound.shape, np.float32))
    amplitude = 10 ** (-rng.uniform(*SNR_DB) / 20)
    return x[:, 0], sound + hiss * sound.std() * amplitude


def _is_usable(sample: ModelInput) -> bool:
    if sample.lips is None or not len(sample.waveform):
        return False
    rate_hz = sample.lips.rate_hz
    ticks = np.rint(sample.lips.time_s * rate_hz).astype(int)
    return any(_ticks_with_audio(sample, ticks[run], rate_hz) > 0 for run in contiguous_runs(ticks))


def _ticks_with_audio(sample: ModelInput, ticks: NDArray[np.int_], rate_hz: float) -> int:
    """Return how many ticks of a run have sound; 0 if they are too few for a window."""
    audio_ticks = int(len(sample.waveform) * rate_hz / RATE_HZ)
    count = int((ticks < audio_ticks).sum())
    return count if contiguous_runs(ticks[:count]) else 0


def _without_faces(sample: ModelInput) -> ModelInput:
    """Return the sample without faces and flow, to save memory."""
    return replace(
        sample,
        faces=sample.faces[:0],
        flow=None,
        landmarks=None,
        pose_deg=None,
        times_s=None,
        shots=None,
    )


def _shift(values: NDArray, places: int) -> NDArray:  # type: ignore[type-arg]
    """Return ``values`` shifted to later places, of the same length and padded by zeros."""
    shifted = np.zeros_like(values)
    if places >= 0:
        shifted[places:] = values[: max(len(values) - places, 0)]
    else:
        shifted[:places] = values[-places:]
    return shifted
