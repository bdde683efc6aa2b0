"""Top moments: the highest-scoring frames and audio excerpt of a video, kept window by window."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unmask.models.calibration.segments import STEP_S
from unmask.models.inference import SampleScore
from unmask.preprocessing.faces.alignment import estimate_similarity
from unmask.preprocessing.media.sampling import TOLERANCE_S
from unmask.preprocessing.speech.vad import speech_mask
from unmask.records import FACE_PX, RATE_HZ, ClipFeatures, ModelInput, PersonFeatures

MAX_FRAMES = 5  # per person
MAX_PEOPLE = 5  # together with MAX_FRAMES this bounds the cost of an explanation
MIN_DISTANCE_S = 0.4  # closer frames look the same and count as one moment
# Frames on either side that a frame is scored with: the receptive field of the convolutions over
# time, and about a window of the transformer
CONTEXT_FRAMES = 3
EXCERPT_S = 5.0  # length of the audio excerpt, which is encoded five times


@dataclass(frozen=True, slots=True)
class FrameCandidate:
    """One frame of one person, with its neighbours as context.

    Attributes:
        probability: Fake probability of this frame.
        box_px: Face in the shown image: left, top, right, bottom, shape ``(4,)``.
        to_face: Affine map from pixels of the shown image to those of the aligned face,
            shape ``(2, 3)``.
        landmarks: 68 points in pixels of the aligned face, shape ``(68, 2)``.
        context: The face and its neighbours in time, without sound.
        index: Index of this frame in ``context``.
    """

    person: int
    time_s: float
    probability: float
    box_px: NDArray[np.float32]
    to_face: NDArray[np.float64]
    landmarks: NDArray[np.float32]
    context: ModelInput
    index: int


@dataclass(frozen=True, slots=True)
class AudioExcerpt:
    """Up to ``EXCERPT_S`` of sound.

    Attributes:
        start_s: Start in the video.
        probability: Mean fake probability of its speech.
        weight: Sum of the fake probabilities of its steps; the excerpt with the highest is kept.
        sample: The sound, without faces.
    """

    start_s: float
    probability: float
    weight: float
    sample: ModelInput


@dataclass
class TopMoments:
    """Highest-scoring moments so far, in constant memory.

    Attributes:
        people: Number of the person to frames, highest probability first.
        sound: ``None`` before any speech.
    """

    people: dict[int, list[FrameCandidate]] = field(default_factory=dict)
    sound: AudioExcerpt | None = None

    def add(self, window: ClipFeatures, scores: Sequence[SampleScore]) -> None:
        """Add one window.

        Args:
            scores: Scores of the window, from :func:`unmask.models.inference.score_samples`.
        """
        for person, score in zip(window.people, scores, strict=False):
            frames = self.people.get(person.track.person, [])
            self.people[person.track.person] = _merge(frames, person, score.frame_probabilities)
        if len(self.people) > MAX_PEOPLE:
            ranked = sorted(self.people.items(), key=lambda item: -_rank(item[1]))
            self.people = dict(ranked[:MAX_PEOPLE])
        excerpt = _excerpt(window, scores[0].step_probabilities) if scores else None
        if excerpt and (self.sound is None or excerpt.weight > self.sound.weight):
            self.sound = excerpt


def _rank(frames: Sequence[FrameCandidate]) -> float:
    """Return the sum of probabilities, which favours people seen in several frames."""
    return sum(frame.probability for frame in frames)


def _merge(
    frames: Sequence[FrameCandidate], person: PersonFeatures, probabilities: NDArray[np.float64]
) -> list[FrameCandidate]:
    """Return the top frames among those kept and those of a new window."""
    rows = _top_rows(probabilities, person.track.time_s)
    pool = [*frames, *(_candidate(person, row, float(probabilities[row])) for row in rows)]
    values = np.array([frame.probability for frame in pool])
    times_s = np.array([frame.time_s for frame in pool])
    return [pool[row] for row in _top_rows(values, times_s)]


def _top_rows(probabilities: NDArray[np.float64], times_s: NDArray[np.float64]) -> list[int]:
    """Return the top ``MAX_FRAMES`` rows, best first, each ``MIN_DISTANCE_S`` from the others."""
    rows: list[int] = []
    for row in np.argsort(-probabilities, kind="stable").tolist():
        if all(
            abs(times_s[row] - times_s[other]) >= MIN_DISTANCE_S - TOLERANCE_S for other in rows
        ):
            rows.append(row)
    return rows[:MAX_FRAMES]


def _candidate(person: PersonFeatures, row: int, probability: float) -> FrameCandidate:
    """Copy a frame and its neighbours; a view would keep all faces of the window in memory."""
    track = person.track
    around = slice(max(row - CONTEXT_FRAMES, 0), row + CONTEXT_FRAMES + 1)
    flow = None if person.flow is None else person.flow[around].copy()
    silence = np.zeros(0, np.float32)
    return FrameCandidate(
        person=track.person,
        time_s=float(track.time_s[row]),
        probability=probability,
        box_px=track.boxes_px[row].copy(),
        # the landmarks were transformed with the face, for either method of alignment
        to_face=estimate_similarity(track.landmarks_px[row], person.landmarks[row]),
        landmarks=person.landmarks[row].copy(),
        context=ModelInput(
            *(person.faces[around].copy(), flow, silence, silence.astype(np.bool_)),
            times_s=track.time_s[around] - track.time_s[around.start],
            shots=None if track.shots is None else track.shots[around],
        ),
        index=row - around.start,
    )


def _excerpt(window: ClipFeatures, steps: NDArray[np.float64]) -> AudioExcerpt | None:
    """Return the ``EXCERPT_S`` of a window with the highest sum of step probabilities."""
    has_speech = ~np.isnan(steps)
    if window.waveform is None or not has_speech.any():
        return None
    values = np.where(has_speech, steps, 0.0)
    length = min(round(EXCERPT_S / STEP_S), len(steps))
    sums = np.convolve(values, np.ones(length), "valid")
    first = int(sums.argmax())
    rows = slice(first, first + length)
    begin, end = round(first * STEP_S * RATE_HZ), round((first + length) * STEP_S * RATE_HZ)
    if first + length == len(steps):
        end = len(window.waveform.samples)  # the last step's receptive field extends further
    is_speech = speech_mask(window.speech_spans_s, len(window.waveform.samples))
    return AudioExcerpt(
        start_s=window.start_s + begin / RATE_HZ,
        probability=float(np.nanmean(steps[rows])),
        weight=float(sums[first]),
        sample=_audio_sample(window.waveform.samples[begin:end], is_speech[begin:end]),
    )


def _audio_sample(samples: NDArray[np.float32], is_speech: NDArray[np.bool_]) -> ModelInput:
    no_faces = np.zeros((0, FACE_PX, FACE_PX, 3), np.uint8)
    return ModelInput(no_faces, None, samples.copy(), is_speech.copy())
