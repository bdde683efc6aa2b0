"""Collate: samples of different lengths as one batch of tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmask.config import ModelSettings
from unmask.errors import DataError
from unmask.models.layers.face_heads import POINTS, QUARTER_DEG
from unmask.models.layers.frame_times import FrameTimes
from unmask.models.padding import pad_samples
from unmask.records import FACE_PX, FLOW_STEP_PX, ModelInput


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
    """Return samples as one batch; arguments and errors are those of :func:`pad_samples`."""
    padded = pad_samples(samples, settings, with_pixels=with_pixels)
    grid = padded.frame_times
    # (B, T, H, W, 3) → (B, T, 3, H, W): a view whose memory is already channels-last per frame
    return Batch(
        frames=torch.from_numpy(padded.faces).permute(0, 1, 4, 2, 3).div(255),
        flow=None if padded.flow is None else torch.from_numpy(padded.flow).float() * FLOW_STEP_PX,
        frame_mask=torch.from_numpy(padded.frame_mask),
        waveform=torch.from_numpy(padded.waveform),
        sample_mask=torch.from_numpy(padded.sample_mask),
        speech_mask=torch.from_numpy(padded.speech_mask),
        frame_times=None
        if grid is None
        else FrameTimes(torch.from_numpy(grid.time_s), torch.from_numpy(grid.run)),
    )


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
