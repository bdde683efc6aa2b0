"""Collate: pads and masks samples of different lengths into one batch of tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmask.config import ModelSettings
from unmask.errors import DataError
from unmask.models.layers.face_heads import POINTS, QUARTER_DEG
from unmask.models.layers.frame_times import FRAME_STEP_S, FrameTimes, number_runs
from unmask.records import FACE_PX, FLOW_STEP_PX, ModelInput

INPUT_NAMES = {"video": "face", "audio": "sound"}


@dataclass(frozen=True, slots=True)
class Batch:
    """Input of the detector; masked positions never change a score.

    Attributes:
        frames: RGB in ``[0, 1]``, shape ``(B, T, 3, 224, 224)``.
        flow: Pixels of the 224 px face, x then y, shape ``(B, T, 2, 224, 224)``; ``None``
            for a detector on RGB alone.
        frame_times: When the frames were shown. For a detector that ignores time, a regular grid
            with the shots as runs, or ``None`` where every sample is one shot.
        frame_mask: True where there is a face, shape ``(B, T)``.
        waveform: 16 kHz mono in ``[-1, 1]``, shape ``(B, S)``.
        sample_mask: True where there is sound, shape ``(B, S)``.
        speech_mask: True where there is speech, shape ``(B, S)``.
    """

    frames: Tensor
    flow: Tensor | None
    frame_mask: Tensor
    waveform: Tensor
    sample_mask: Tensor
    speech_mask: Tensor
    frame_times: FrameTimes | None = None

    def to(self, device: torch.device | str) -> "Batch":
        """Return the batch on another device."""
        return self.map(lambda x: x.to(device))

    def map(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        """Return the batch with ``function`` applied to each tensor."""
        return Batch(
            frames=function(self.frames),
            flow=None if self.flow is None else function(self.flow),
            frame_mask=function(self.frame_mask),
            waveform=function(self.waveform),
            sample_mask=function(self.sample_mask),
            speech_mask=function(self.speech_mask),
            frame_times=self._map_times(function),
        )

    def expand(self, times: int) -> "Batch":
        """Return a batch of one row repeated ``times`` times, without copying."""

        def rows(x: Tensor) -> Tensor:
            return x.expand(times, *x.shape[1:])

        return self.map(rows)

    def _map_times(self, function: Callable[[Tensor], Tensor]) -> FrameTimes | None:
        return None if self.frame_times is None else FrameTimes(*map(function, self.frame_times))

    def replace(self, frames: Tensor | None = None, waveform: Tensor | None = None) -> "Batch":
        """Return the batch with other pixels or another waveform."""
        return replace(
            self,
            frames=self.frames if frames is None else frames,
            waveform=self.waveform if waveform is None else waveform,
        )


def collate(
    samples: Sequence[ModelInput], settings: ModelSettings, *, with_pixels: bool = True
) -> Batch:
    """Pad ``samples`` at their ends to the longest of them.

    Args:
        settings: Which modalities the batch has (``modalities``), whether it has flow (``flow``),
            and whether all sound counts as speech (``vad_mask`` off).
        with_pixels: Without them, faces have a side of 0 and there is no flow; for frames whose
            features are known.

    Raises:
        DataError: There is no sample, one has nothing that the detector uses, or one has no flow
            or no times although ``settings`` require them.
    """
    if not samples:
        raise DataError("a batch needs at least one sample")
    for number, sample in enumerate(samples):
        if not has_input(sample, settings):
            raise DataError(f"sample {number}: {missing_input(settings)}; leave out the clip")
    samples = [_used(sample, settings) for sample in samples]
    frames = max([1, *(len(sample.faces) for sample in samples)])
    length = max([1, *(len(sample.waveform) for sample in samples)])
    side = FACE_PX if with_pixels else 0
    pixels = np.zeros((len(samples), frames, side, side, 3), np.uint8)
    frame_mask = torch.zeros(len(samples), frames, dtype=torch.bool)
    waveform = torch.zeros(len(samples), length)
    sample_mask = torch.zeros(len(samples), length, dtype=torch.bool)
    speech_mask = torch.zeros(len(samples), length, dtype=torch.bool)
    for row, sample in enumerate(samples):
        pixels[row, : len(sample.faces)] = sample.faces[:, :side, :side]
        frame_mask[row, : len(sample.faces)] = True
        samples_in_row = len(sample.waveform)
        waveform[row, :samples_in_row] = torch.from_numpy(np.ascontiguousarray(sample.waveform))
        sample_mask[row, :samples_in_row] = True
        speech_mask[row, :samples_in_row] = (
            torch.from_numpy(np.ascontiguousarray(sample.is_speech)) if settings.vad_mask else True
        )
    # (B, T, H, W, 3) → (B, T, 3, H, W): a view whose memory is already channels-last per frame
    rgb = torch.from_numpy(pixels).permute(0, 1, 4, 2, 3).div(255)
    flow = _flow(samples, frames) if settings.flow and with_pixels else None
    times = (_frame_times if settings.frame_times else _shots_alone)(samples, frames)
    return Batch(rgb, flow, frame_mask, waveform, sample_mask, speech_mask, times)


def has_input(sample: ModelInput, settings: ModelSettings) -> bool:
    """Return whether a sample has a face, or sound, that the detector uses."""
    used = _used(sample, settings)
    return bool(len(used.faces) or len(used.waveform))


def missing_input(settings: ModelSettings) -> str:
    """Return what a sample lacks of which :func:`has_input` is False, as part of a sentence."""
    if len(settings.modalities) > 1:
        return "neither a face nor sound"
    return f"no {INPUT_NAMES[settings.modalities[0]]}"


def usable_samples(
    samples: Sequence[ModelInput], settings: ModelSettings
) -> tuple[ModelInput, ...]:
    """Return the samples with a face, or sound, that the detector uses."""
    return tuple(sample for sample in samples if has_input(sample, settings))


def _used(sample: ModelInput, settings: ModelSettings) -> ModelInput:
    """Return the sample without the modalities that the detector does not use."""
    if "video" not in settings.modalities:
        sample = replace(
            sample, faces=sample.faces[:0], flow=None, lips=None, landmarks=None, pose_deg=None
        )
        sample = replace(sample, times_s=None, shots=None)
    if "audio" not in settings.modalities:
        sample = replace(sample, waveform=sample.waveform[:0], is_speech=sample.is_speech[:0])
    return sample


def _flow(samples: Sequence[ModelInput], frames: int) -> Tensor:
    levels = np.zeros((len(samples), frames, 2, FACE_PX, FACE_PX), np.int8)
    for row, sample in enumerate(samples):
        if not len(sample.faces):
            continue
        if sample.flow is None:
            raise DataError(
                f"sample {row}: model.flow is on but the features have no optical flow; "
                "set preprocessing.flow.enabled to true"
            )
        levels[row, : len(sample.flow)] = sample.flow
    return torch.from_numpy(levels).float() * FLOW_STEP_PX


def _frame_times(samples: Sequence[ModelInput], frames: int) -> FrameTimes:
    time_s = torch.zeros(len(samples), frames)
    run = torch.zeros(len(samples), frames, dtype=torch.long)
    for row, sample in enumerate(samples):
        count = len(sample.faces)
        if not count:
            continue
        if sample.times_s is None:
            raise DataError(
                f"sample {row}: model.frame_times is on but the sample has no frame times; "
                "make it by unmask.preprocessing.prepare.to_model_inputs"
            )
        time_s[row, :count] = torch.from_numpy(sample.times_s)
        run[row, :count] = torch.from_numpy(number_runs(sample.times_s, sample.shots))
    return FrameTimes(time_s, run)


def _shots_alone(samples: Sequence[ModelInput], frames: int) -> FrameTimes | None:
    """Return the shots as runs of frames on a regular grid; ``None`` if each sample is one shot."""
    if not any(sample.shots is not None and len({*sample.shots}) > 1 for sample in samples):
        return None
    grid_s = np.arange(frames) * FRAME_STEP_S
    run = torch.zeros(len(samples), frames, dtype=torch.long)
    for row, sample in enumerate(samples):
        count = len(sample.faces)
        run[row, :count] = torch.from_numpy(number_runs(grid_s[:count], sample.shots))
    return FrameTimes(torch.from_numpy(grid_s).float().repeat(len(samples), 1), run)


def collate_face_targets(samples: Sequence[ModelInput]) -> tuple[Tensor, Tensor]:
    """Return the targets of the face heads, padded like :func:`collate`.

    Returns:
        Landmarks as fractions of the aligned face's side, shape ``(B, T, 68, 2)``, and yaw, pitch
        and roll in units of 90°, shape ``(B, T, 3)``; NaN in padding and where unknown.
    """
    frames = max([1, *(len(sample.faces) for sample in samples)])
    points = torch.full((len(samples), frames, POINTS, 2), torch.nan)
    pose = torch.full((len(samples), frames, 3), torch.nan)
    for row, sample in enumerate(samples):
        if sample.landmarks is not None:
            points[row, : len(sample.landmarks)] = torch.from_numpy(sample.landmarks / FACE_PX)
        if sample.pose_deg is not None:
            pose[row, : len(sample.pose_deg)] = torch.from_numpy(sample.pose_deg / QUARTER_DEG)
    return points, pose


def face_targets_of(sample: ModelInput) -> NDArray[np.float64]:
    """Return the face-head targets of a sample, 68 points and 3 angles: ``(frames, 139)``."""
    return join_face_targets(*collate_face_targets([sample]))


def join_face_targets(points: Tensor | None, pose: Tensor | None) -> NDArray[np.float64]:
    """Join landmarks and pose of one sample.

    Args:
        points: Shape ``(1, frames, 68, 2)``.
        pose: Shape ``(1, frames, 3)``.

    Returns:
        Shape ``(frames, 139)``.

    Raises:
        DataError: The detector has no face heads.
    """
    if points is None or pose is None:
        raise DataError(
            "the detector has no face heads; train one with model.auxiliary set to true"
        )
    rows = torch.cat([points[0].flatten(1), pose[0]], dim=1)
    return rows.double().cpu().numpy()
