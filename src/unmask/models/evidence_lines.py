"""Evidence lines: the score series of a clip that segment thresholds apply to.

A clip has one line per person for the face, one per person for lip-sync where the bundle has a
lip-sync network, and one for the voice. Thresholds are fitted on the peaks of these lines, and
serving flags segments on the same lines.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from unmask.models.calibration.segments import (
    BIN_S,
    bin_audio_steps,
    find_segments,
    highest_segment_threshold,
    intervals,
)
from unmask.models.inference import SampleScore
from unmask.models.lipsync.scoring import STEP_TICKS
from unmask.models.scoring_bundle import ScoringBundle

Kind = Literal["video", "audio", "lip_sync"]
KINDS: tuple[Kind, ...] = ("video", "audio", "lip_sync")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TimedScores:
    """Fake probabilities along time.

    Attributes:
        times_s: Start of what each score covers, ascending, shape ``(scores,)``.
        probabilities: In ``[0, 1]``, shape ``(scores,)``.
    """

    times_s: Floats
    probabilities: Floats


NO_SCORES = TimedScores(np.zeros(0), np.zeros(0))


@dataclass(frozen=True, slots=True)
class PersonEvidence:
    """Scores of one person's face and lip-sync along time.

    Attributes:
        person: Number of the person in the video.
    """

    person: int
    face: TimedScores
    lip_sync: TimedScores


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """Scores of one kind of evidence along time.

    Attributes:
        person: ``None`` for the voice.
        intervals_s: Start and end of what each score covers, shape ``(scores, 2)``.
        probabilities: In ``[0, 1]``, shape ``(scores,)``.
    """

    kind: Kind
    person: int | None
    intervals_s: Floats
    probabilities: Floats

    def segments(self, threshold: float) -> Iterator[slice]:
        """Yield the flagged segments; see :func:`find_segments`."""
        return find_segments(self.probabilities, self.intervals_s, threshold)

    def peak(self, within_s: tuple[float, float] = (-inf, inf)) -> float:
        """Return the lowest threshold above which no segment is flagged.

        Args:
            within_s: Start and end of the part of the line that no such segment may overlap.
        """
        return highest_segment_threshold(self.probabilities, self.intervals_s, within_s)


def face_scores(score: SampleScore, times_s: Floats) -> TimedScores:
    """Return a person's frame scores.

    Args:
        times_s: Time of each frame of the sample, shape ``(frames,)``.
    """
    return TimedScores(times_s, score.frame_probabilities)


def voice_scores(scores: Sequence[SampleScore], start_s: float = 0.0) -> TimedScores:
    """Return the voice's scores, one per ``BIN_S`` with speech.

    Args:
        scores: One per person of a window; all share the sound, so the first is used.
        start_s: Where the window starts in the video.
    """
    if not scores:
        return NO_SCORES
    starts_s, means = bin_audio_steps(scores[0].step_probabilities)
    return TimedScores(start_s + starts_s, means)


def lipsync_scores(score: SampleScore, start_s: float = 0.0) -> TimedScores:
    """Return a person's lip-sync scores; none where lip-sync cannot be judged.

    Args:
        start_s: Where the window starts in the video.
    """
    if score.sync is None:
        return NO_SCORES
    return TimedScores(start_s + score.sync.time_s, score.sync.probabilities)


def evidence_lines(
    bundle: ScoringBundle, people: Iterable[PersonEvidence], voice: TimedScores
) -> Iterator[EvidenceLine]:
    """Yield every line of evidence of a clip: of each person, then of the voice.

    A line may be empty. A frame stands for the time until halfway to its neighbours, so that the
    borders of a segment are as often early as late.
    """
    frame_s = 1 / bundle.preprocessing.sampling.rate_hz
    for person in people:
        face = _line("video", person.face, frame_s, person.person)
        around_s = np.maximum(face.intervals_s - frame_s / 2, 0.0)
        yield replace(face, intervals_s=around_s)
        if bundle.sync is not None:
            moment_s = STEP_TICKS / bundle.sync.rate_hz
            yield _line("lip_sync", person.lip_sync, moment_s, person.person)
    yield _line("audio", voice, BIN_S)


def _line(
    kind: Kind, scores: TimedScores, covers_s: float, person: int | None = None
) -> EvidenceLine:
    return EvidenceLine(kind, person, intervals(scores.times_s, covers_s), scores.probabilities)
