"""Padding: pads and masks samples of different lengths into arrays of one batch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unmask.config import ModelSettings
from unmask.errors import DataError
from unmask.models.frame_runs import FRAME_STEP_S, number_runs
from unmask.records import FACE_PX, ModelInput

INPUT_NAMES = {"video": "face", "audio": "sound"}

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FrameGrid:
    """When the frames of a batch were shown.

    Attributes:
        time_s: Seconds from the first sample of the sound, shape ``(B, T)``; 0 in padding.
        run: Number of the frame's run, shape ``(B, T)``.
    """

    time_s: NDArray[np.float32]
    run: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PaddedSamples:
    """Samples of one batch, padded at their ends.

    Attributes:
        faces: RGB, shape ``(B, T, 224, 224, 3)``; of side 0 without pixels.
        flow: In steps of ``FLOW_STEP_PX``, shape ``(B, T, 2, 224, 224)``; ``None`` without.
        frame_mask: True where there is a face, shape ``(B, T)``.
        waveform: 16 kHz mono in ``[-1, 1]``, shape ``(B, S)``.
        sample_mask: True where there is sound, shape ``(B, S)``.
        speech_mask: True where there is speech, shape ``(B, S)``.
        frame_times: For a detector that ignores time, a regular grid with the shots as runs, or
            ``None`` where every sample is one shot.
    """

    faces: NDArray[np.uint8]
    flow: NDArray[np.int8] | None
    frame_mask: Bools
    waveform: NDArray[np.float32]
    sample_mask: Bools
    speech_mask: Bools
    frame_times: FrameGrid | None


def pad_samples(
    samples: Sequence[ModelInput], settings: ModelSettings, *, with_pixels: bool = True
) -> PaddedSamples:
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
    faces = np.zeros((len(samples), frames, side, side, 3), np.uint8)
    frame_mask = np.zeros((len(samples), frames), np.bool_)
    waveform = np.zeros((len(samples), length), np.float32)
    sample_mask = np.zeros((len(samples), length), np.bool_)
    speech_mask = np.zeros((len(samples), length), np.bool_)
    for row, sample in enumerate(samples):
        faces[row, : len(sample.faces)] = sample.faces[:, :side, :side]
        frame_mask[row, : len(sample.faces)] = True
        samples_in_row = len(sample.waveform)
        waveform[row, :samples_in_row] = sample.waveform
        sample_mask[row, :samples_in_row] = True
        speech_mask[row, :samples_in_row] = sample.is_speech if settings.vad_mask else True
    flow = _flow(samples, frames) if settings.flow and with_pixels else None
    times = (_frame_times if settings.frame_times else _shots_alone)(samples, frames)
    return PaddedSamples(faces, flow, frame_mask, waveform, sample_mask, speech_mask, times)


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


def _flow(samples: Sequence[ModelInput], frames: int) -> NDArray[np.int8]:
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
    return levels


def _frame_times(samples: Sequence[ModelInput], frames: int) -> FrameGrid:
    time_s = np.zeros((len(samples), frames), np.float32)
    run = np.zeros((len(samples), frames), np.int64)
    for row, sample in enumerate(samples):
        count = len(sample.faces)
        if not count:
            continue
        if sample.times_s is None:
            raise DataError(
                f"sample {row}: model.frame_times is on but the sample has no frame times; "
                "make it by unmask.preprocessing.prepare.to_model_inputs"
            )
        time_s[row, :count] = sample.times_s
        run[row, :count] = number_runs(sample.times_s, sample.shots)
    return FrameGrid(time_s, run)


def _shots_alone(samples: Sequence[ModelInput], frames: int) -> FrameGrid | None:
    """Return the shots as runs of frames on a regular grid; ``None`` if each sample is one shot."""
    if not any(sample.shots is not None and len({*sample.shots}) > 1 for sample in samples):
        return None
    grid_s = np.arange(frames) * FRAME_STEP_S
    run = np.zeros((len(samples), frames), np.int64)
    for row, sample in enumerate(samples):
        count = len(sample.faces)
        run[row, :count] = number_runs(grid_s[:count], sample.shots)
    return FrameGrid(np.tile(grid_s.astype(np.float32), (len(samples), 1)), run)
