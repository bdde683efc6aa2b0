"""What has been scored so far, window after window; grows by a few numbers per second."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from unmask.models.calibration.platt import Calibration, clipped_logit
from unmask.models.calibration.segments import bin_audio_steps
from unmask.models.ensemble.pooling import fuse_with_lipsync
from unmask.models.inference import MIN_FRAMES, SampleScore
from unmask.models.lipsync.scoring import SyncScore
from unmask.records import ClipFeatures

Floats = NDArray[np.float64]
T = TypeVar("T", float, Floats)


@dataclass
class RunningMean(Generic[T]):
    """A weighted mean of numbers, or of arrays of one shape, that never holds its terms."""

    total: T | None = None
    weight: float = 0.0

    def add(self, value: T, weight: float) -> None:
        """Count ``value`` with ``weight``."""
        self.total = value * weight if self.total is None else self.total + value * weight
        self.weight += weight

    @property
    def value(self) -> T | None:
        """The mean; ``None`` before anything was counted."""
        return self.total / self.weight if self.total is not None and self.weight else None


@dataclass
class ScoreSeries:
    """Scores along the video: where, ascending, and what."""

    times_s: list[float] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)

    def add(self, times_s: Floats, values: Floats) -> None:
        """Count one window."""
        self.times_s.extend(times_s.tolist())
        self.probabilities.extend(values.tolist())


@dataclass
class LipSyncScores:
    """Lip-sync of one person, each window with the weight of its judged moments.

    Attributes:
        offsets_ms: Offset and weight of each window.
        line_ms: Offset of each moment of ``line``.
    """

    probability: RunningMean[float] = field(default_factory=RunningMean)
    offsets_ms: list[tuple[float, int]] = field(default_factory=list)
    line: ScoreSeries = field(default_factory=ScoreSeries)
    line_ms: list[float] = field(default_factory=list)

    def add(self, score: SyncScore, start_s: float) -> None:
        """Count one window that begins at ``start_s``; what could not be judged counts nothing."""
        if score.probability is None:
            return
        weight = max(len(score.time_s), 1)
        self.probability.add(score.probability, weight)
        if score.offset_ms is not None:
            self.offsets_ms.append((score.offset_ms, weight))
        self.line.add(start_s + score.time_s, score.probabilities)
        self.line_ms.extend(score.offsets_ms.tolist())

    @property
    def offset_ms(self) -> float | None:
        """The weighted median, which one window that was misheard does not move."""
        if not self.offsets_ms:
            return None
        values, weights = np.array(sorted(self.offsets_ms)).T
        return float(values[np.searchsorted(weights.cumsum(), weights.sum() / 2)])


@dataclass
class PersonScores(ScoreSeries):
    """Scores along time: of each frame of a person, or of each ``BIN_S`` of speech.

    Attributes:
        members: What each detector says of face and sound together, over all windows, before
            calibration.
        passes: Of MC-dropout, likewise.
        alone: Of this modality alone, as calibrated log-odds.
        boxes_px: Left, top, right, bottom of the face in each frame; none of sound.
    """

    members: RunningMean[Floats] = field(default_factory=RunningMean)
    passes: RunningMean[Floats] = field(default_factory=RunningMean)
    modality_logit: RunningMean[float] = field(default_factory=RunningMean)
    sync: LipSyncScores = field(default_factory=LipSyncScores)
    boxes_px: list[list[float]] = field(default_factory=list)

    def add_window(self, score: SampleScore, alone: float, times_s: Floats, values: Floats) -> None:
        """Count one window with the weight of its frames or bins."""
        self.members.add(score.member_logits, len(times_s))
        if score.pass_logits is not None:
            self.passes.add(score.pass_logits, len(times_s))
        self.modality_logit.add(float(clipped_logit(alone)), len(times_s))
        self.add(times_s, values)

    def logit(self, calibration: Calibration) -> float:
        """Of detectors and lip-sync, as calibrated log-odds; something was counted."""
        return self._final(self.members.value, calibration)

    def repeated(self, calibration: Calibration) -> Floats:
        """Each pass's logit, or where there was none each member's; as :meth:`logit`."""
        answers = self.passes.value if self.passes.value is not None else self.members.value
        each = np.zeros(0) if answers is None else answers
        return np.array([self._final(one, calibration) for one in each[:, None]])

    def calibration_in_effect(self, calibration: Calibration) -> Calibration:
        """The one that holds for this track."""
        return calibration.for_clip(self.sync.probability.value)

    def _final(self, logits: Floats | None, calibration: Calibration) -> float:
        known = np.zeros(1) if logits is None else logits
        final = fuse_with_lipsync(known, self.sync.probability.value, calibration.sync_weight)
        return float(self.calibration_in_effect(calibration).log_odds(final))


@dataclass
class ScoreAggregator:
    """Everything scored so far.

    Attributes:
        calibration: Under which the most fake person is found.
        people: Person's number to track.
        sound: The voice; its detectors' score counts where nobody is seen in the whole video.
    """

    calibration: Calibration = field(default_factory=Calibration)
    people: dict[int, PersonScores] = field(default_factory=dict)
    sound: PersonScores = field(default_factory=PersonScores)

    def add(self, window: ClipFeatures, scores: Sequence[SampleScore]) -> None:
        """Count one window.

        Args:
            scores: One per person, in the window's order; one of the sound where the window
                shows nobody; none where there is neither.
        """
        for person, score in zip(window.people, scores, strict=False):
            if score.video_probability is not None:
                track = self.people.setdefault(person.track.person, PersonScores())
                times_s = person.track.time_s
                track.add_window(score, score.video_probability, times_s, score.frame_probabilities)
                track.boxes_px.extend(person.track.boxes_px.tolist())
                if score.sync is not None:
                    track.sync.add(score.sync, window.start_s)
        if scores and scores[0].audio_probability is not None:  # the people share the sound
            starts_s, means = bin_audio_steps(scores[0].step_probabilities)
            alone = scores[0].audio_probability
            self.sound.add_window(scores[0], alone, window.start_s + starts_s, means)

    def decisive_track(self) -> PersonScores | None:
        """The clip's track, by the rule of :func:`unmask.models.inference.clip_score`.

        ``None`` where nobody is seen and nobody speaks.
        """
        tracks = list(self.people.values())
        if not tracks:
            return self.sound if self.sound.times_s else None
        enough = min(MIN_FRAMES, max(len(track.times_s) for track in tracks))
        seen = [track for track in tracks if len(track.times_s) >= enough]
        return max(seen, key=lambda track: track.logit(self.calibration))
