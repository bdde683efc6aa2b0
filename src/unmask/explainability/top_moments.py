"""The moments that score highest, kept while a video of any length goes by."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unmask.models.calibration.segments import STEP_S
from unmask.models.inference import SampleScore
from unmask.preprocessing.faces.alignment import estimate_similarity
from unmask.preprocessing.media.sampling import SLACK_S
from unmask.records import FACE_PX, RATE_HZ, ClipFeatures, ModelInput, PersonFeatures

FRAMES = 5  # of each person
PEOPLE = 5  # with FRAMES, what an explanation costs at most
APART_S = 0.4  # neighbours show the same, so they are one moment
# Frames to either side that a frame's score is asked with: all that the convolutions over time
# see, and about a window of the transformer
NEIGHBOURS = 3
STRETCH_S = 5.0  # of sound, which is heard five times over


@dataclass(frozen=True, slots=True)
class FrameCandidate:
    """One frame of one person, with what the detector saw around it.

    Attributes:
        probability: Fake probability of this frame.
        box_px: Face in the shown picture: left, top, right, bottom, shape ``(4,)``.
        to_face: From the shown picture's pixels to the aligned face's, shape ``(2, 3)``.
        landmarks: 68 points in the aligned face's pixels, shape ``(68, 2)``.
        seen: The face among its neighbours in time, without sound.
        at: Which of the frames of ``seen`` it is.
    """

    person: int
    time_s: float
    probability: float
    box_px: NDArray[np.float32]
    to_face: NDArray[np.float64]
    landmarks: NDArray[np.float32]
    seen: ModelInput
    at: int


@dataclass(frozen=True, slots=True)
class AudioExcerpt:
    """Up to ``STRETCH_S`` of sound.

    Attributes:
        start_s: Where in the video it begins.
        probability: Mean fake probability of what is spoken in it.
        weight: By how much it stands out; the highest is kept.
        heard: The sound, without faces.
    """

    start_s: float
    probability: float
    weight: float
    heard: ModelInput


@dataclass
class TopMoments:
    """The highest scoring moments so far; its size does not grow with the video.

    Attributes:
        people: Number of the person to frames, highest probability first.
        sound: ``None`` while nobody has spoken.
    """

    people: dict[int, list[FrameCandidate]] = field(default_factory=dict)
    sound: AudioExcerpt | None = None

    def add(self, window: ClipFeatures, scores: Sequence[SampleScore]) -> None:
        """Look through one window.

        Args:
            scores: As :func:`unmask.models.inference.score_samples` gives them for the window.
        """
        for person, score in zip(window.people, scores, strict=False):
            kept = self.people.get(person.track.person, [])
            self.people[person.track.person] = _highest(kept, person, score.frame_probabilities)
        if len(self.people) > PEOPLE:
            ranked = sorted(self.people.items(), key=lambda item: -_standing(item[1]))
            self.people = dict(ranked[:PEOPLE])
        stretch = _stretch(window, scores[0].step_probabilities) if scores else None
        if stretch and (self.sound is None or stretch.weight > self.sound.weight):
            self.sound = stretch


def _standing(frames: Sequence[FrameCandidate]) -> float:
    """Counts frames too, so that a face seen once displaces nobody who is seen for long."""
    return sum(frame.probability for frame in frames)


def _highest(
    kept: Sequence[FrameCandidate], person: PersonFeatures, probabilities: NDArray[np.float64]
) -> list[FrameCandidate]:
    """The best of what is kept and of what is new."""
    rows = _apart(probabilities, person.track.time_s)
    pool = [*kept, *(_suspect(person, row, float(probabilities[row])) for row in rows)]
    values = np.array([one.probability for one in pool])
    return [pool[row] for row in _apart(values, np.array([one.time_s for one in pool]))]


def _apart(probabilities: NDArray[np.float64], times_s: NDArray[np.float64]) -> list[int]:
    """Rows of the ``FRAMES`` highest, best first, each ``APART_S`` from the others."""
    rows: list[int] = []
    for row in np.argsort(-probabilities, kind="stable").tolist():
        if all(abs(times_s[row] - times_s[other]) >= APART_S - SLACK_S for other in rows):
            rows.append(row)
    return rows[:FRAMES]


def _suspect(person: PersonFeatures, row: int, probability: float) -> FrameCandidate:
    """Copies, since a view would keep all faces of the window alive."""
    track = person.track
    around = slice(max(row - NEIGHBOURS, 0), row + NEIGHBOURS + 1)
    flow = None if person.flow is None else person.flow[around].copy()
    silence = np.zeros(0, np.float32)
    return FrameCandidate(
        person=track.person,
        time_s=float(track.time_s[row]),
        probability=probability,
        box_px=track.boxes_px[row].copy(),
        # whatever way the face was cut out, its landmarks went the same way
        to_face=estimate_similarity(track.landmarks_px[row], person.landmarks[row]),
        landmarks=person.landmarks[row].copy(),
        seen=ModelInput(person.faces[around].copy(), flow, silence, silence.astype(np.bool_)),
        at=row - around.start,
    )


def _stretch(window: ClipFeatures, steps: NDArray[np.float64]) -> AudioExcerpt | None:
    """The ``STRETCH_S`` of the window that say most for a fake voice."""
    spoken = ~np.isnan(steps)
    if window.waveform is None or not spoken.any():
        return None
    values = np.where(spoken, steps, 0.0)
    length = min(round(STRETCH_S / STEP_S), len(steps))
    sums = np.convolve(values, np.ones(length), "valid")
    first = int(sums.argmax())
    chosen = slice(first, first + length)
    begin, end = round(first * STEP_S * RATE_HZ), round((first + length) * STEP_S * RATE_HZ)
    if first + length == len(steps):
        end = len(window.waveform.samples)  # the last step is heard a little beyond its begin
    is_speech = np.zeros(len(window.waveform.samples), np.bool_)
    for start, stop in np.rint(window.speech_spans_s * RATE_HZ).astype(int):
        is_speech[start:stop] = True
    return AudioExcerpt(
        start_s=window.start_s + begin / RATE_HZ,
        probability=float(np.nanmean(steps[chosen])),
        weight=float(sums[first]),
        heard=_sound(window.waveform.samples[begin:end], is_speech[begin:end]),
    )


def _sound(samples: NDArray[np.float32], is_speech: NDArray[np.bool_]) -> ModelInput:
    nobody = np.zeros((0, FACE_PX, FACE_PX, 3), np.uint8)
    return ModelInput(nobody, None, samples.copy(), is_speech.copy())
