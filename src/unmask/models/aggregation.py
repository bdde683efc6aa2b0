"""Score aggregation: scores of a video, accumulated window by window."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from unmask.models.active_speaker import SpeakerActivity
from unmask.models.calibration.platt import Calibration, clipped_logit
from unmask.models.calibration.platt_resampling import log_odds_interval
from unmask.models.calibration.segments import STEP_S
from unmask.models.clip_decision import (
    MIN_FRAMES,
    enough_frames,
    final_log_odds,
    pool_candidates,
    repeated_log_odds,
)
from unmask.models.evidence_lines import (
    PersonEvidence,
    TimedScores,
    face_scores,
    lipsync_scores,
    voice_scores,
)
from unmask.models.inference import SampleScore
from unmask.models.lipsync.scoring import SyncScore
from unmask.records import ClipFeatures

Floats = NDArray[np.float64]
T = TypeVar("T", float, Floats)


@dataclass
class RunningMean(Generic[T]):
    """Weighted mean of numbers, or of arrays of one shape, in constant memory."""

    total: T | None = None
    weight: float = 0.0

    def add(self, value: T, weight: float) -> None:
        """Add ``value`` with ``weight``."""
        self.total = value * weight if self.total is None else self.total + value * weight
        self.weight += weight

    @property
    def value(self) -> T | None:
        """Mean; ``None`` before anything was added."""
        return self.total / self.weight if self.total is not None and self.weight else None


@dataclass
class RunningOddsMean(RunningMean[T]):
    """Log-odds of the weighted mean of odds, as in :func:`.layers.temporal.masked_mean_odds`.

    The value of parts is then that of the whole, so that a short forged stretch moves the score of
    a video of many windows by as much as that of one window.
    """

    def add(self, value: T, weight: float) -> None:
        """Add log-odds with a positive ``weight``."""
        added = value + math.log(weight)
        self.total = added if self.total is None else np.logaddexp(self.total, added)
        self.weight += weight

    @property
    def value(self) -> T | None:
        """Log-odds of the mean; ``None`` before anything was added."""
        return None if self.total is None else self.total - math.log(self.weight)


@dataclass
class ScoreSeries:
    """Fake probabilities along the video, ascending in time."""

    times_s: list[float] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)

    def add(self, scores: TimedScores) -> None:
        """Append the scores of one window."""
        self.times_s.extend(scores.times_s.tolist())
        self.probabilities.extend(scores.probabilities.tolist())

    def scores(self) -> TimedScores:
        """Return all scores as arrays."""
        return TimedScores(np.array(self.times_s), np.array(self.probabilities))


@dataclass
class LipSyncScores:
    """Lip-sync of one person; each window weighs as many moments as it has scored.

    Attributes:
        probability: Mean over the windows.
        confidence: Mean posterior of the windows' offsets.
        offsets_ms: Offset and weight of each window.
        series: Scores of moments.
        series_offsets_ms: Offset of each moment of ``series``.
    """

    probability: RunningMean[float] = field(default_factory=RunningMean)
    confidence: RunningMean[float] = field(default_factory=RunningMean)
    offsets_ms: list[tuple[float, int]] = field(default_factory=list)
    series: ScoreSeries = field(default_factory=ScoreSeries)
    series_offsets_ms: list[float] = field(default_factory=list)

    def add(self, score: SyncScore, moments: TimedScores) -> None:
        """Add one window; a window in which lip-sync cannot be judged is ignored."""
        if score.probability is None:
            return
        weight = max(len(score.time_s), 1)
        self.probability.add(score.probability, weight)
        if score.confidence is not None:
            self.confidence.add(score.confidence, weight)
        if score.offset_ms is not None:
            self.offsets_ms.append((score.offset_ms, weight))
        self.series.add(moments)
        self.series_offsets_ms.extend(score.offsets_ms.tolist())

    @property
    def offset_ms(self) -> float | None:
        """Weighted median of the windows' offsets, robust to outliers."""
        if not self.offsets_ms:
            return None
        values, weights = np.array(sorted(self.offsets_ms)).T
        return float(values[np.searchsorted(weights.cumsum(), weights.sum() / 2)])


@dataclass
class PersonScores(ScoreSeries):
    """Scores of one person per frame, or of the voice per ``BIN_S`` of speech.

    Attributes:
        members: Mean uncalibrated logit of each member, face and sound together.
        passes: The same of each MC-dropout pass.
        modality_logit: Mean calibrated log-odds of this modality alone.
        has_face: Whether it is a person, not a voice.
        has_voice: Whether there was speech in a window.
        boxes_px: Left, top, right, bottom of the face in each frame; empty for the voice.
    """

    members: RunningMean[Floats] = field(default_factory=RunningMean)
    passes: RunningMean[Floats] = field(default_factory=RunningMean)
    modality_logit: RunningMean[float] = field(default_factory=RunningMean)
    sync: LipSyncScores = field(default_factory=LipSyncScores)
    boxes_px: list[list[float]] = field(default_factory=list)
    has_face: bool = True
    has_voice: bool = False

    @classmethod
    def pooled_by(cls, pooling: str) -> Self:
        """Return scores whose windows are pooled like frames, by ``model.pooling``."""
        if pooling == "mean":
            return cls()
        return cls(
            members=RunningOddsMean(), passes=RunningOddsMean(), modality_logit=RunningOddsMean()
        )

    def add_window(self, score: SampleScore, modality: float, scores: TimedScores) -> None:
        """Add one window with the weight of its frames or bins.

        Args:
            modality: Fake probability of this modality alone.
        """
        weight = len(scores.times_s)
        self.has_voice |= score.audio_probability is not None
        self.members.add(score.member_logits, weight)
        if score.pass_logits is not None:
            self.passes.add(score.pass_logits, weight)
        self.modality_logit.add(float(clipped_logit(modality)), weight)
        self.add(scores)

    @property
    def modality_probability(self) -> float | None:
        """Fake probability of this modality alone; ``None`` where it was not scored."""
        mean = self.modality_logit.value
        return None if mean is None else float(expit(mean))

    def logit(self, calibration: Calibration) -> float:
        """Return the calibrated log-odds of members and lip-sync together."""
        members = self.members.value
        logits = np.zeros(1) if members is None else members
        return final_log_odds(logits, self.sync.probability.value, self._own(calibration))

    def repeated_logits(self, calibration: Calibration) -> Floats:
        """Return calibrated log-odds of each MC-dropout pass, or without any of each member."""
        logits = self.passes.value if self.passes.value is not None else self.members.value
        return repeated_log_odds(
            *(np.zeros(0) if logits is None else logits, self.sync.probability.value),
            self._own(calibration),
        )

    def interval(self, calibration: Calibration) -> tuple[float, float] | None:
        """Return the 95 % interval of this candidate's log-odds; see :func:`log_odds_interval`."""
        members = self.members.value
        if members is None:
            return None
        in_effect = self.calibration_in_effect(calibration)
        return log_odds_interval(members, self.sync.probability.value, in_effect)

    def calibration_in_effect(self, calibration: Calibration) -> Calibration:
        """Return the calibration with or without lip-sync, whichever applies."""
        return self._own(calibration).for_clip(self.sync.probability.value)

    def _own(self, calibration: Calibration) -> Calibration:
        """Return the calibration for what there is: a face, a voice, or both."""
        return calibration.for_modalities(has_face=self.has_face, has_voice=self.has_voice)


@dataclass
class ScoreAggregator:
    """Scores of the windows so far.

    Attributes:
        calibration: Calibration by which the clip's score and the decisive candidate are found.
        people: Number of the person to scores.
        sound: Scores of the voice.
        unseen: Scores of the voice of those who are not seen to speak, a candidate by itself: in
            windows without a face, and where the lips of all are still.
        steps: Start of each window with speech, and the fake probabilities of its audio steps.
        pooling: How the windows of a person are pooled, the detector's ``model.pooling``.
        speakers: Who speaks in each window.
    """

    calibration: Calibration = field(default_factory=Calibration)
    people: dict[int, PersonScores] = field(default_factory=dict)
    sound: PersonScores = field(default_factory=PersonScores)
    unseen: PersonScores = field(default_factory=PersonScores)
    steps: list[tuple[float, Floats]] = field(default_factory=list)
    pooling: str = "mean"
    speakers: list[SpeakerActivity] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Pool the voice like the people."""
        self.sound, self.unseen = (PersonScores.pooled_by(self.pooling) for _ in range(2))
        self.sound.has_face = self.unseen.has_face = False

    def add(self, window: ClipFeatures, scores: Sequence[SampleScore]) -> None:
        """Add one window.

        Args:
            scores: One per person in the window's order; then one of the sound of those who are
                not seen to speak, if there is any; none without people and sound.
        """
        for person, score in zip(window.people, scores, strict=False):
            if score.video_probability is not None:
                track = self.people.setdefault(
                    person.track.person, PersonScores.pooled_by(self.pooling)
                )
                faces = face_scores(score, person.track.time_s)
                track.add_window(score, score.video_probability, faces)
                track.boxes_px.extend(person.track.boxes_px.tolist())
                if score.sync is not None:
                    track.sync.add(score.sync, lipsync_scores(score, window.start_s))
        if scores and scores[0].audio_probability is not None:  # people share the sound
            voice = voice_scores(scores, window.start_s)
            self.sound.add_window(scores[0], scores[0].audio_probability, voice)
            self.steps.append((window.start_s, scores[0].step_probabilities))
        alone = scores[-1:]
        if alone and alone[0].video_probability is None and alone[0].audio_probability is not None:
            unseen = voice_scores(alone, window.start_s)
            self.unseen.add_window(alone[0], alone[0].audio_probability, unseen)

    def candidates(self) -> list[PersonScores]:
        """Return those who may be forged: people seen for long enough, and a voice without a face.

        A voice counts from ``MIN_FRAMES`` bins of speech on, or where no face is seen in the video.
        """
        people = list(self.people.values())
        voice = [self.unseen] if self.unseen.times_s else []
        if not people:
            return voice
        enough = enough_frames([len(track.times_s) for track in people])
        kept = [track for track in people if len(track.times_s) >= enough]
        return kept + [track for track in voice if len(track.times_s) >= MIN_FRAMES]

    def decisive_track(self) -> PersonScores | None:
        """Return the candidate of the highest score; ``None`` without any."""
        return max(self.candidates(), key=lambda track: track.logit(self.calibration), default=None)

    def log_odds(self) -> float:
        """Return the log-odds of the clip; see :func:`pool_candidates`."""
        return pool_candidates([track.logit(self.calibration) for track in self.candidates()])

    def face_times_s(self) -> list[Floats]:
        """Return the times of each person's frames, in order of appearance."""
        return [np.array(track.times_s) for track in self.people.values()]

    def step_probabilities(self) -> Floats:
        """Return the probability of each audio step from the start of the video, NaN in silence."""
        parts = [(round(start_s / STEP_S), values) for start_s, values in self.steps]
        joined = np.full(max((first + len(values) for first, values in parts), default=0), np.nan)
        for first, values in parts:
            joined[first : first + len(values)] = values
        return joined

    def evidence(self) -> list[PersonEvidence]:
        """Return face and lip-sync scores of each person, in order of appearance."""
        return [
            PersonEvidence(number, track.scores(), track.sync.series.scores())
            for number, track in self.people.items()
        ]


def mean_per_second(scores: TimedScores) -> TimedScores:
    """Average scores over each whole second, leaving out seconds without any.

    Args:
        scores: In any order.

    Returns:
        Start of each second and its mean, ascending.

    Example:
        >>> points = TimedScores(np.array([0.2, 0.9, 2.0]), np.array([0.1, 0.3, 0.7]))
        >>> seconds = mean_per_second(points)
        >>> seconds.times_s.tolist(), seconds.probabilities.round(3).tolist()
        ([0.0, 2.0], [0.2, 0.7])
    """
    if not len(scores.times_s):
        return scores
    # a sum of fifths may be slightly less than the second it stands for
    seconds, index = np.unique(np.floor(scores.times_s + 1e-6), return_inverse=True)
    means = np.bincount(index, weights=scores.probabilities) / np.bincount(index)
    return TimedScores(seconds, means)
