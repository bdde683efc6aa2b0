"""Measured facts about the material, and the sentences that a reader of a verdict must know."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unmask.models.calibration.conformal import describe_unreachable_verdicts
from unmask.models.calibration.platt import ConformalGuarantee
from unmask.optional_deps import require
from unmask.records import ClipFeatures, MediaInfo, PersonFeatures
from unmask.serving.aggregation.waveform_peaks import PeakEnvelope
from unmask.serving.report.model_card import Model, ReportedGuarantee
from unmask.serving.report.schema import Quality

FEW_FRAMES = 5  # below this, a face's score rests on little
SMALL_FACE_PX = 112  # half of what the aligned face shows
SPARSE_FACE = 0.5  # share of looked-at frames
EARLY_END_S = 1.0  # containers round; less than this is no missing piece


@dataclass
class MediaStatistics:
    """Facts so far, added up window by window."""

    end_s: float = 0.0
    frames_sampled: int = 0
    frames_with_face: int = 0
    sound_s: float = 0.0
    speech_s: float = 0.0
    people: set[int] = field(default_factory=set)
    widths_px: list[float] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)
    loudness: PeakEnvelope = field(default_factory=PeakEnvelope)

    def add(self, window: ClipFeatures) -> None:
        """Count one window."""
        self.end_s = max(self.end_s, window.end_s)
        self.frames_sampled += window.frames_sampled
        times = [person.track.time_s for person in window.people]
        self.frames_with_face += len(np.unique(np.concatenate(times))) if times else 0
        if window.waveform is not None:
            self.sound_s += window.waveform.duration_s
            self.loudness.add(window.waveform.samples)
            self.speech_s += float(np.diff(window.speech_spans_s, axis=1).sum())
        for person in window.people:
            self._add_person(person)

    def _add_person(self, person: PersonFeatures) -> None:
        self.people.add(person.track.person)
        boxes = person.track.boxes_px
        self.widths_px.extend((boxes[:, 2] - boxes[:, 0]).tolist())
        self.sharpness.extend(laplacian_variance(face) for face in person.faces)

    def quality(self) -> Quality:
        """The facts as the report gives them."""
        return Quality(
            frames_sampled=self.frames_sampled,
            frames_with_face=self.frames_with_face,
            people=len(self.people),
            face_width_px=round(float(np.mean(self.widths_px)), 1) if self.widths_px else None,
            sharpness=round(float(np.median(self.sharpness)), 1) if self.sharpness else None,
            sound_s=round(self.sound_s, 3),
            speech_s=round(self.speech_s, 3),
        )


def laplacian_variance(face: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian of a grey face; lower is more blurred.

    Args:
        face: RGB, shape ``(height, width, 3)``.
    """
    cv2 = require("cv2", extra="media")
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def build_notes(
    facts: MediaStatistics, quality: Quality, info: MediaInfo, model: Model
) -> Iterator[str]:
    """What bears on how far the verdict can be trusted, one sentence each."""
    if model.profile == "demo":
        yield (
            "The detector is the small demonstration model; "
            "its verdict on real footage means nothing."
        )
    if info.duration_s - facts.end_s > EARLY_END_S:
        yield (
            f"The file is cut short or damaged: {facts.end_s:.1f} s of the "
            f"{info.duration_s:.1f} s it announces could be read."
        )
    if model.promise is not None:
        yield from _on_promise(model.promise)
    yield from _on_faces(quality, info)
    yield from _on_sound(quality, info)
    if not quality.frames_with_face and not quality.speech_s:
        yield "Neither a face nor speech was found, so there is nothing to score."


def _on_promise(promise: ReportedGuarantee) -> Iterator[str]:
    people = f" of {promise.people} people" if promise.people else ""
    yield (
        f"Calibrated on {promise.real_clips} genuine and {promise.fake_clips} fake clips{people}: "
        f"of clips drawn as those were, at most {promise.fpr:.1%} of the genuine are called fake "
        f"and {promise.fnr:.1%} of the fakes real, on average; it holds for no other kind of "
        "footage. The same clips chose the best epoch and the weight of lip-sync, and clips of one "
        "person are alike, so expect a little more."
    )
    yield from describe_unreachable_verdicts(
        ConformalGuarantee(promise.fpr, promise.fnr, promise.real_clips, promise.fake_clips)
    )


def _on_faces(quality: Quality, info: MediaInfo) -> Iterator[str]:
    if not info.has_video:
        yield "The file has no picture; only the sound was looked at."
    elif not quality.frames_with_face:
        yield f"No face was found in the {quality.frames_sampled} frames looked at."
    elif quality.frames_with_face < FEW_FRAMES:
        yield f"A face was seen in only {quality.frames_with_face} frame(s), little to judge by."
    elif quality.frames_with_face < SPARSE_FACE * quality.frames_sampled:
        share = quality.frames_with_face / quality.frames_sampled
        yield f"A face was seen in only {share:.0%} of the frames looked at."
    if quality.face_width_px is not None and quality.face_width_px < SMALL_FACE_PX:
        yield (
            f"The faces are {quality.face_width_px:.0f} px wide, smaller than the detector "
            "was trained on; fine traces of forgery may be lost."
        )


def _on_sound(quality: Quality, info: MediaInfo) -> Iterator[str]:
    if not info.has_audio:
        yield "The file has no sound; only the faces were looked at."
    elif not quality.speech_s:
        yield "Nobody speaks in the sound, so the voice was not scored."
