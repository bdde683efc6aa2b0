"""Genuine footage for the sync net: a person's lips and the sound that goes with them."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from unmask.config import FlowSettings, PreprocessingSettings
from unmask.data.torch.evaluation_set import FeatureLoader, make_feature_loader
from unmask.errors import UnmaskError
from unmask.models.lipsync.scoring import contiguous_runs
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import RATE_HZ, Clip, ModelInput

SHIFT_PX = 3  # of a 48 px crop, and in proportion
ZOOM = 0.12
TURN_RAD = 0.12
CONTRAST = 0.3
NOISE_LEVELS = 4.0
SNR_DB = (5.0, 40.0)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SyncClip:
    """One clip's largest person.

    Attributes:
        sample: With lips, and sound of at least one sample.
    """

    clip: Clip
    sample: ModelInput


def lips_only(settings: PreprocessingSettings) -> PreprocessingSettings:
    """The same preparation with lips and without flow."""
    lips = replace(settings.lips, enabled=True)
    return replace(settings, lips=lips, flow=FlowSettings(enabled=False))


def lip_feature_loader(settings: PreprocessingSettings, cache: Cache | None) -> FeatureLoader:
    """Features of a clip with lips, whether or not ``settings`` ask for them."""
    return make_feature_loader(lips_only(settings), cache)


def sync_clips(clips: Iterable[Clip], load: FeatureLoader) -> Iterator[SyncClip]:
    """Those of the clips that have lips and sound; of the others it is logged why not."""
    for clip in clips:
        try:
            samples = to_model_inputs(load(clip))
        except UnmaskError as error:
            log.warning("clip %s was left out: %s", clip.clip_id, error)
            continue
        if samples and samples[0].lips is not None and _usable(samples[0]):
            yield SyncClip(clip, _lean(samples[0]))
        else:
            log.warning("clip %s was left out: no lips with sound beside them", clip.clip_id)


def delay_audio(sample: ModelInput, by_s: float) -> ModelInput:
    """The sample with its sound ``by_s`` later, or earlier where negative; silence fills up."""
    by = round(by_s * RATE_HZ)
    return replace(
        sample, waveform=_moved(sample.waveform, by), is_speech=_moved(sample.is_speech, by)
    )


def swap_audio(sample: ModelInput, other: ModelInput) -> ModelInput:
    """The sample with another's sound, repeated where that is shorter."""
    length = len(sample.waveform)
    return replace(
        sample,
        waveform=np.resize(other.waveform, length),
        is_speech=np.resize(other.is_speech, length),
    )


def random_crop(
    one: SyncClip, ticks: int, rate_hz: float, rng: np.random.Generator
) -> tuple[Tensor, Tensor, NDArray[np.bool_]]:
    """Part of a clip, at most ``ticks`` long, from a random place of a random run of lips.

    Returns:
        Mouths, shape ``(T, crop, crop)``; sound from the first on, shape ``(samples,)``; and
        speech, shape ``(samples,)``.
    """
    lips = one.sample.lips
    at = np.rint(lips.time_s * rate_hz).astype(int)  # type: ignore[union-attr]
    choices = [run for run in contiguous_runs(at) if _heard(one.sample, at[run], rate_hz) > 0]
    lengths = np.array([run.stop - run.start for run in choices], np.float64)
    run = choices[int(rng.choice(len(choices), p=lengths / lengths.sum()))]
    long = min(_heard(one.sample, at[run], rate_hz), ticks)
    start = run.start + int(rng.integers(0, _heard(one.sample, at[run], rate_hz) - long + 1))
    per_tick = round(RATE_HZ / rate_hz)
    first = int(at[start]) * per_tick
    sound = slice(first, first + long * per_tick)
    mouths = lips.mouths[start : start + long]  # type: ignore[union-attr]
    return (
        torch.from_numpy(np.array(mouths)),
        torch.from_numpy(np.array(one.sample.waveform[sound])),
        one.sample.is_speech[sound],
    )


def augment_mouths(
    mouths: Tensor, sound: Tensor, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """As if filmed and recorded otherwise; never shifted in time.

    The whole stretch is mirrored, moved, zoomed, turned and relit alike; picture and sound get
    noise. Loudness needs no change: the net takes it away.
    """
    x = mouths.float()[:, None]
    zoom, turn = 1 + rng.uniform(-ZOOM, ZOOM), rng.uniform(-TURN_RAD, TURN_RAD)
    shift = rng.uniform(-SHIFT_PX, SHIFT_PX, 2) / 24
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
    matrix = torch.tensor([[mirror * cos, -sin, shift[0]], [mirror * sin, cos, shift[1]]])
    grid = F.affine_grid(matrix.float()[None], [1, 1, *x.shape[2:]], align_corners=False)
    x = F.grid_sample(
        x, grid.expand(len(x), -1, -1, -1), padding_mode="border", align_corners=False
    )
    noise = torch.from_numpy(rng.standard_normal(x.shape, np.float32))
    x = x * rng.uniform(1 - CONTRAST, 1 + CONTRAST) + noise * rng.uniform(0, NOISE_LEVELS)
    hiss = torch.from_numpy(rng.standard_normal(sound.shape, np.float32))
    ratio = 10 ** (-rng.uniform(*SNR_DB) / 20)
    return x[:, 0], sound + hiss * sound.std() * ratio


def _usable(sample: ModelInput) -> bool:
    if sample.lips is None or not len(sample.waveform):
        return False
    rate_hz = sample.lips.rate_hz
    at = np.rint(sample.lips.time_s * rate_hz).astype(int)
    return any(_heard(sample, at[run], rate_hz) > 0 for run in contiguous_runs(at))


def _heard(sample: ModelInput, at: NDArray[np.int_], rate_hz: float) -> int:
    """How many of a run's ticks have sound beside them; 0 where they make no window."""
    ticks = int(len(sample.waveform) * rate_hz / RATE_HZ)
    long = int((at < ticks).sum())
    return long if contiguous_runs(at[:long]) else 0


def _lean(sample: ModelInput) -> ModelInput:
    """Without faces and flow, which would only fill the memory."""
    return replace(sample, faces=sample.faces[:0], flow=None, landmarks=None, pose_deg=None)


def _moved(values: NDArray, by: int) -> NDArray:  # type: ignore[type-arg]
    """``values`` by so many places later, as long as before, zero where nothing is known."""
    out = np.zeros_like(values)
    if by >= 0:
        out[by:] = values[: max(len(values) - by, 0)]
    else:
        out[:by] = values[-by:]
    return out
