"""What has been scored so far, window after window; grows by a few numbers per second."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from unmask.models.scoring import MIN_FRAMES, STEP_S, SampleScore
from unmask.records import ClipFeatures

BIN_S = 0.2  # sound is told apart as finely as pictures
CERTAIN = 1e-9  # of probability; keeps log-odds finite

Floats = NDArray[np.float64]


@dataclass
class Mean:
    """A weighted mean that never holds its terms."""

    total: float = 0.0
    weight: float = 0.0

    def add(self, value: float, weight: float) -> None:
        """Count ``value`` with ``weight``."""
        self.total += value * weight
        self.weight += weight

    @property
    def value(self) -> float | None:
        """The mean; ``None`` before anything was counted."""
        return self.total / self.weight if self.weight else None


@dataclass
class Track:
    """Scores along time: of each frame of a person, or of each ``BIN_S`` of speech.

    Attributes:
        logit: Of face and sound together, over all windows, before calibration.
        alone: Of this modality alone, as calibrated log-odds.
        times_s: Where in the video, ascending.
        probabilities: Calibrated, one per time.
    """

    logit: Mean = field(default_factory=Mean)
    alone: Mean = field(default_factory=Mean)
    times_s: list[float] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)

    def add(self, score: SampleScore, alone: float, times_s: Floats, values: Floats) -> None:
        """Count one window with the weight of its frames or bins."""
        self.logit.add(score.logit, len(times_s))
        self.alone.add(float(logit(np.clip(alone, CERTAIN, 1 - CERTAIN))), len(times_s))
        self.times_s.extend(times_s.tolist())
        self.probabilities.extend(values.tolist())


@dataclass
class Tally:
    """Everything scored so far.

    Attributes:
        people: Person's number to track.
        sound: The voice; its ``logit`` counts where nobody is seen in the whole video.
    """

    people: dict[int, Track] = field(default_factory=dict)
    sound: Track = field(default_factory=Track)

    def add(self, window: ClipFeatures, scores: Sequence[SampleScore]) -> None:
        """Count one window.

        Args:
            scores: One per person, in the window's order; one of the sound where the window
                shows nobody; none where there is neither.
        """
        for person, score in zip(window.people, scores, strict=False):
            if score.video_probability is not None:
                track = self.people.setdefault(person.track.person, Track())
                times_s = person.track.time_s
                track.add(score, score.video_probability, times_s, score.frame_probabilities)
        if scores and scores[0].audio_probability is not None:  # the people share the sound
            starts_s, means = binned(scores[0].step_probabilities)
            alone = scores[0].audio_probability
            self.sound.add(scores[0], alone, window.start_s + starts_s, means)

    def decisive(self) -> Track | None:
        """The clip's track, by the rule of :func:`unmask.models.scoring.clip_score`.

        ``None`` where nobody is seen and nobody speaks.
        """
        tracks = list(self.people.values())
        if not tracks:
            return self.sound if self.sound.times_s else None
        enough = min(MIN_FRAMES, max(len(track.times_s) for track in tracks))
        seen = [track for track in tracks if len(track.times_s) >= enough]
        return max(seen, key=lambda track: track.logit.value or 0.0)


def binned(steps: Floats) -> tuple[Floats, Floats]:
    """Average steps of sound over bins of ``BIN_S``, leaving out silence.

    Args:
        steps: One value per ``STEP_S``, NaN where nobody speaks, shape ``(steps,)``.

    Returns:
        Begin of each bin in which somebody speaks, and its mean, shapes ``(bins,)``.

    Example:
        >>> starts_s, means = binned(np.array([np.nan, 0.5, 0.7] + 8 * [np.nan] + [0.2]))
        >>> starts_s.tolist(), means.round(3).tolist()
        ([0.0, 0.2], [0.6, 0.2])
    """
    spoken = np.flatnonzero(~np.isnan(steps))
    if not len(spoken):
        return np.zeros(0), np.zeros(0)
    bins, place = np.unique(np.floor((spoken + 0.5) * STEP_S / BIN_S), return_inverse=True)
    return bins * BIN_S, np.bincount(place, weights=steps[spoken]) / np.bincount(place)
