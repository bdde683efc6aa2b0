"""Partly forged excerpts: a stretch of a fake in its genuine twin, and labels of frames and steps.

Data sets of whole fakes teach no borders. Where a fake and the clip that it was made from show the
same moments, a stretch of the one can be cut into the other while a detector trains.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unmask.models.calibration.segments import STEP_S
from unmask.records import RATE_HZ, Clip, FakeSpan, ModelInput

MARGIN_S = 0.1  # on both sides of a border, where frames and steps have no label
FADE_S = 0.01  # of the sound on either side of a border
SHARE = (0.15, 0.85)  # range of the forged share of an excerpt
MAX_SHIFT_S = 1e-3  # between frames of a pair that show the same moment

Floats = NDArray[np.float64]
Labels = NDArray[np.float32]  # 1 is forged, 0 genuine, NaN unknown


@dataclass(frozen=True, slots=True)
class MomentLabels:
    """Labels of an excerpt's moments: 1 is forged, 0 genuine, NaN unknown or near a border.

    Attributes:
        frames: Shape ``(frames,)``.
        steps: One per ``STEP_S`` of sound, shape ``(steps,)``.
    """

    frames: Labels
    steps: Labels

    def time_stretched(self, factor: float | None) -> "MomentLabels":
        """Return the labels after the sound became ``factor`` times as long; ``None`` for 1."""
        if factor is None or not len(self.steps):
            return self
        source = np.arange(round(len(self.steps) * factor)) / factor
        return replace(
            self, steps=self.steps[np.minimum(source.astype(np.int64), len(self.steps) - 1)]
        )


def draw_stretch(
    frame_times_s: Floats, audio_s: tuple[float, float], rng: np.random.Generator
) -> tuple[float, float]:
    """Draw start and end of a stretch of an excerpt, between two frames where it has frames.

    Args:
        frame_times_s: Times of the excerpt's frames, shape ``(frames,)``.
        audio_s: Start and end of its sound, which counts where there are less than two frames.
    """
    share = rng.uniform(*SHARE)
    place = rng.random()
    count = len(frame_times_s)
    if count < 2:
        length_s = share * (audio_s[1] - audio_s[0])
        start_s = audio_s[0] + place * (audio_s[1] - audio_s[0] - length_s)
        return start_s, start_s + length_s
    forged = int(np.clip(round(share * count), 1, count - 1))
    first = int(place * (count - forged + 1))
    half_s = float(np.diff(frame_times_s).min()) / 2
    return (
        float(frame_times_s[first]) - half_s,
        float(frame_times_s[first + forged - 1]) + half_s,
    )


def with_stretch(clip: Clip, stretch_s: tuple[float, float]) -> Clip:
    """Return a whole fake as one of which only a stretch of each forged modality is forged."""
    parts = {"video": clip.fake_video, "audio": clip.fake_audio}
    spans = tuple(FakeSpan(*stretch_s, name) for name, is_fake in parts.items() if is_fake)
    return replace(clip, fake_periods=spans)


def is_inside(times_s: Floats, stretch_s: tuple[float, float]) -> NDArray[np.bool_]:
    """Return which times lie in a stretch, of the shape of ``times_s``."""
    return np.asarray((times_s >= stretch_s[0]) & (times_s < stretch_s[1]), np.bool_)


def same_moments(first_s: Floats, second_s: Floats) -> bool:
    """Return whether two excerpts have frames of the same times."""
    return len(first_s) == len(second_s) and bool((np.abs(first_s - second_s) < MAX_SHIFT_S).all())


def splice(
    fake: ModelInput,
    twin: ModelInput,
    is_fake: NDArray[np.bool_],
    sound_s: tuple[float, float],
) -> ModelInput:
    """Return the twin's excerpt with the fake's frames and sound inside a stretch.

    Args:
        fake, twin: Excerpts of the same moments.
        is_fake: Frames of the stretch, shape ``(frames,)``.
        sound_s: The stretch, from the start of the excerpt's sound.
    """
    rows = is_fake[:, None, None]
    landmarks = fake.landmarks
    if landmarks is not None and twin.landmarks is not None:
        landmarks = np.where(rows, landmarks, twin.landmarks)
    pose_deg = fake.pose_deg
    if pose_deg is not None and twin.pose_deg is not None:
        pose_deg = np.where(is_fake[:, None], pose_deg, twin.pose_deg)
    flow = fake.flow
    if flow is not None and twin.flow is not None:
        flow = np.where(rows[..., None], flow, twin.flow)
    return replace(
        fake,
        faces=np.where(rows[..., None], fake.faces, twin.faces),
        flow=flow,
        landmarks=landmarks,
        pose_deg=pose_deg,
        waveform=splice_sound(fake.waveform, twin.waveform, sound_s),
    )


def splice_sound(
    fake: NDArray[np.float32], twin: NDArray[np.float32], stretch_s: tuple[float, float]
) -> NDArray[np.float32]:
    """Return the twin's sound with the fake's inside a stretch, cross-faded at its borders.

    Args:
        fake, twin: At 16 kHz; what one lacks at its end is silent, shape ``(time,)``.
    """
    times_s = np.arange(len(fake)) / RATE_HZ
    rise = (times_s - stretch_s[0]) / (2 * FADE_S) + 0.5
    fall = (stretch_s[1] - times_s) / (2 * FADE_S) + 0.5
    weight = np.clip(np.minimum(rise, fall), 0, 1).astype(np.float32)
    other = np.pad(twin[: len(fake)], (0, max(len(fake) - len(twin), 0)))
    return np.asarray(weight * fake + (1 - weight) * other, np.float32)


def label_moments(clip: Clip, frame_times_s: Floats, audio_s: tuple[float, float]) -> MomentLabels:
    """Return the labels of an excerpt's frames and audio steps.

    A modality without listed segments has the label of the whole clip at every moment.

    Args:
        clip: With the labels of the whole clip.
        frame_times_s: Times of the excerpt's frames, shape ``(frames,)``.
        audio_s: Start and end of its sound.
    """
    steps_s = np.arange(audio_s[0] + STEP_S / 2, audio_s[1], STEP_S)
    return MomentLabels(
        _label(clip, "video", clip.fake_video, frame_times_s),
        _label(clip, "audio", clip.fake_audio, steps_s),
    )


def pad_labels(labels: Sequence[Labels | None], length: int) -> Labels:
    """Return one row per excerpt, NaN beyond its end or without labels, ``(B, length)``."""
    rows = np.full((len(labels), length), np.nan, np.float32)
    for row, values in zip(rows, labels, strict=True):
        if values is not None:
            row[: len(values)] = values[:length]
    return rows


def _label(clip: Clip, modality: str, is_fake: bool | None, times_s: Floats) -> Labels:
    spans = [period for period in clip.fake_periods if period.modality == modality]
    if not spans:
        return np.full(len(times_s), np.nan if is_fake is None else is_fake, np.float32)
    inside = [is_inside(times_s, (span.start_s, span.end_s)) for span in spans]
    labels = np.any(inside, axis=0).astype(np.float32)
    for span in spans:
        for border_s in (span.start_s, span.end_s):
            # a frame exactly at the margin keeps its label, whatever the rounding
            labels[np.abs(times_s - border_s) < MARGIN_S - 1e-6] = np.nan
    return labels
