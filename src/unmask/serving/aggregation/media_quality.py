"""Media quality: statistics of faces, frames and sound, accumulated window by window."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require
from unmask.preprocessing.footage import still_share
from unmask.preprocessing.material.face_roughness import face_roughness
from unmask.preprocessing.material.picture_facts import PictureFacts
from unmask.preprocessing.material.sound_facts import SoundFacts
from unmask.records import ClipFeatures, PersonFeatures
from unmask.serving.aggregation.waveform_peaks import PeakEnvelope
from unmask.serving.report.quality import Quality


@dataclass
class MediaStatistics:
    """Statistics of the windows so far.

    Attributes:
        end_s: End of what could be decoded.
        widths_px: Face width of every face, in pixels of the shown image.
        sharpness: Variance of the Laplacian of every aligned face.
        roughness: See :mod:`unmask.preprocessing.material.face_roughness`.
        compared: As in :class:`unmask.records.ClipFeatures`.
    """

    end_s: float = 0.0
    frames_sampled: int = 0
    frames_with_face: int = 0
    frames_still: int = 0
    sound_s: float = 0.0
    missing_audio_s: float = 0.0
    missing_picture_s: float = 0.0
    speech_s: float = 0.0
    people: set[int] = field(default_factory=set)
    widths_px: list[float] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)
    roughness: list[float] = field(default_factory=list)
    peaks: PeakEnvelope = field(default_factory=PeakEnvelope)
    compared: bool = True
    picture: PictureFacts = field(default_factory=PictureFacts)
    sound: SoundFacts = field(default_factory=SoundFacts)

    def add(self, window: ClipFeatures) -> None:
        """Add one window."""
        self.end_s = max(self.end_s, window.end_s)
        self.frames_sampled += window.frames_sampled
        self.frames_still += window.frames_still
        self.compared &= window.compared
        self.sound.add(window)
        times = [person.track.time_s for person in window.people]
        self.frames_with_face += len(np.unique(np.concatenate(times))) if times else 0
        if window.waveform is not None:
            self.sound_s += window.waveform.duration_s
            self.missing_audio_s += window.waveform.missing_s
            self.peaks.add(window.waveform.samples)
            self.speech_s += float(np.diff(window.speech_spans_s, axis=1).sum())
        for person in window.people:
            self._add_person(person)

    def _add_person(self, person: PersonFeatures) -> None:
        self.people.add(person.track.person)
        boxes = person.track.boxes_px
        self.widths_px.extend((boxes[:, 2] - boxes[:, 0]).tolist())
        self.sharpness.extend(laplacian_variance(face) for face in person.faces)
        self.roughness.extend(face_roughness(face) for face in person.faces)

    def quality(self) -> Quality:
        """Return the statistics as reported."""
        return Quality(
            frames_sampled=self.frames_sampled,
            frames_with_face=self.frames_with_face,
            people=len(self.people),
            still_share=round(still_share(self.frames_still, self.frames_sampled), 3)
            if self.frames_sampled
            else None,
            face_width_px=round(float(np.mean(self.widths_px)), 1) if self.widths_px else None,
            sharpness=round(float(np.median(self.sharpness)), 1) if self.sharpness else None,
            sound_s=round(self.sound_s, 3),
            speech_s=round(self.speech_s, 3),
            missing_audio_s=round(self.missing_audio_s, 3),
            missing_picture_s=round(self.missing_picture_s, 3),
        )


def laplacian_variance(face: NDArray[np.uint8]) -> float:
    """Return the variance of the Laplacian of a grey face; lower is more blurred.

    Args:
        face: RGB, shape ``(height, width, 3)``.
    """
    cv2 = require("cv2", extra="media")
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())
