"""Calibration: Platt scaling and the record of a bundle's calibration.

Platt, "Probabilistic Outputs for Support Vector Machines", 1999. A temperature alone (Guo et al.,
"On Calibration of Modern Neural Networks", ICML 2017) shrinks logits that are too large but cannot
move logits that all lie on one side; it is kept for comparison. Both are fitted to Platt's smoothed
targets, so that a validation set without errors does not drive the temperature to zero.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict
from scipy.special import expit, logit

from unmask.errors import SingleClassError

TEMPERATURE_RANGE = (0.05, 20.0)
PROB_CLIP = 1e-9  # probabilities are kept this far from 0 and 1, so that log-odds stay finite
NEUTRAL_PROBABILITY = 0.5  # segment threshold where none could be fitted
OUTPUTS = ("face", "voice", "frame", "second")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ConformalGuarantee:
    """Guaranteed error rates of the verdict thresholds, and the clips that support them.

    Attributes:
        fpr, fnr: Share of genuine clips that may be called fake, and of fakes called real.
        reals, fakes: Calibration clips of each class; 0 where nothing is guaranteed.
        people: Identities in those clips; 0 if unknown.
        real_people, fake_people: Identities in those of each class, by whom the rates are
            guaranteed; 0 in bundles of before version 0.3, which guarantee them by clip.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    fpr: float = 0.0
    fnr: float = 0.0
    reals: int = 0
    fakes: int = 0
    people: int = 0
    real_people: int = 0
    fake_people: int = 0


@dataclass(frozen=True, slots=True)
class SegmentThresholds:
    """Probability above which a segment of face, voice or lip-sync is flagged.

    Attributes:
        video, audio, lip_sync: One half where no genuine clip has that kind of evidence.
        per_hour: Segments above each threshold per hour of genuine footage, at most, on average; 0
            for thresholds of another rule, as in bundles of before version 0.3.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    video: float = NEUTRAL_PROBABILITY
    audio: float = NEUTRAL_PROBABILITY
    lip_sync: float = NEUTRAL_PROBABILITY
    per_hour: float = 0.0


@dataclass(frozen=True, slots=True)
class PlattScale:
    """Platt scaling of one output: a temperature that divides logits, and a bias added then."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    temperature: float = 1.0
    bias: float = 0.0

    def probability(self, logits: Floats | float) -> Floats:
        """Return fake probabilities, of the shape of ``logits``."""
        return apply_platt(logits, self.temperature, self.bias)

    def shifted(self, log_odds: float) -> "PlattScale":
        """Return the scale with ``log_odds`` added to its bias."""
        return replace(self, bias=self.bias + log_odds)


@dataclass(frozen=True, slots=True)
class OutputScales:
    """Scale of every output beside the clip's score, each fitted to its own label.

    Attributes:
        face: Of a person's face alone, fitted to whether the face is forged.
        voice: Of the voice alone, fitted to whether the voice is forged.
        frame: Of a face in one frame, fitted to whether it is forged there.
        second: Of the voice at one step, whose means are the scores of seconds, in the same way.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    face: PlattScale = field(default_factory=PlattScale)
    voice: PlattScale = field(default_factory=PlattScale)
    frame: PlattScale = field(default_factory=PlattScale)
    second: PlattScale = field(default_factory=PlattScale)


@dataclass(frozen=True, slots=True)
class PlattResamples:
    """Fits to resamples of the people; see :mod:`.platt_resampling`.

    Attributes:
        people: Number of people that were resampled.
        smoothed: Fits to Platt's smoothed targets.
        plain: Fits to the targets 0 and 1, to the same resamples.
        plain_fit: Fit to the targets 0 and 1 of all people.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    people: int
    smoothed: tuple[PlattScale, ...]
    plain: tuple[PlattScale, ...]
    plain_fit: PlattScale

    def shifted(self, log_odds: float) -> "PlattResamples":
        """Return the fits with ``log_odds`` added to every bias."""
        smoothed, plain = (
            tuple(fit.shifted(log_odds) for fit in fits) for fits in (self.smoothed, self.plain)
        )
        return PlattResamples(self.people, smoothed, plain, self.plain_fit.shifted(log_odds))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Mapping from a clip's logit to probability and verdict.

    Attributes:
        temperature: Divides a clip's logit.
        bias: Added to a clip's logit after the division.
        real_below: Verdict ``real`` below this fake probability; 0 for never.
        fake_above: Verdict ``fake`` above it; 1 for never. Between the two: inconclusive.
        sync_weight: Weight of lip-sync in the final score; the detectors have the rest.
        alone: Calibration of the detectors without lip-sync: for clips in which lip-sync cannot
            be judged, and for single members. ``None`` where it is the same.
        silent: Calibration of clips without a voice; ``None`` where it is that of the detectors.
        unseen: Calibration of a voice without a face; in the same way.
        alarms: Segment thresholds.
        outputs: Scales of the other outputs; ``None`` in bundles before schema 7, which divide
            them by ``temperature``.
        prevalence: Share of forged clips that the probabilities are stated for; ``None`` in
            bundles before schema 7, where it is that of the calibration clips.
        resamples: Fits to resamples of the people; ``None`` in older bundles, and with too few
            people.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    temperature: float = 1.0
    real_below: float = 0.5
    fake_above: float = 0.5
    sync_weight: float = 0.0
    guarantee: ConformalGuarantee = field(default_factory=ConformalGuarantee)
    bias: float = 0.0
    alone: "Calibration | None" = None
    alarms: SegmentThresholds = field(default_factory=SegmentThresholds)
    outputs: OutputScales | None = None
    prevalence: float | None = None
    resamples: PlattResamples | None = None
    silent: "Calibration | None" = None
    unseen: "Calibration | None" = None

    def for_modalities(self, *, has_face: bool, has_voice: bool) -> "Calibration":
        """Return the calibration of clips in which a face or a voice is missing, or both are there.

        A group without a calibration of its own uses the one of all clips.
        """
        own = self.unseen if not has_face else self.silent if not has_voice else None
        return own or self

    def scale_of(self, output: str) -> PlattScale:
        """Return the scale of one of ``OUTPUTS``."""
        if self.outputs is None:
            return PlattScale(self.temperature)
        scale: PlattScale = getattr(self.outputs, output)
        return scale

    def for_clip(self, sync_probability: float | None) -> "Calibration":
        """Return the calibration in effect for a clip with or without a lip-sync score."""
        return self.detectors if sync_probability is None else self

    @property
    def detectors(self) -> "Calibration":
        """Calibration of the detectors without lip-sync."""
        return self if self.alone is None else self.alone

    def log_odds(self, logits: Floats | float) -> Floats:
        """Return calibrated log-odds of clips, of the shape of ``logits``."""
        return apply_log_odds(logits, self.temperature, self.bias)

    def probability(self, logits: Floats | float) -> Floats:
        """Return fake probabilities of clips, of the shape of ``logits``."""
        return apply_platt(logits, self.temperature, self.bias)

    def at_prevalence(self, prevalence: float) -> "Calibration":
        """Return the calibration stated for another share of forged clips.

        By Bayes' rule all log-odds move by the same amount. So do the thresholds, which are
        quantiles of the scores within a class: verdicts stay as they are.
        """
        before = self.stated_prevalence
        shift = 0.0 if before is None else float(logit(prevalence) - logit(before))
        alone, silent, unseen = (
            None if part is None else part.at_prevalence(prevalence)
            for part in (self.alone, self.silent, self.unseen)
        )
        outputs, alarms = self.outputs, self.alarms
        if outputs is not None:
            outputs = OutputScales(*(getattr(outputs, name).shifted(shift) for name in OUTPUTS))
            face, voice = (shift_probability(p, shift) for p in (alarms.video, alarms.audio))
            alarms = replace(alarms, video=face, audio=voice)
        return replace(
            self,
            bias=self.bias + shift,
            real_below=shift_probability(self.real_below, shift),
            fake_above=shift_probability(self.fake_above, shift),
            alone=alone,
            silent=silent,
            unseen=unseen,
            alarms=alarms,
            outputs=outputs,
            prevalence=prevalence,
            resamples=None if self.resamples is None else self.resamples.shifted(shift),
        )

    @property
    def stated_prevalence(self) -> float | None:
        """Share of forged clips that probabilities hold for; ``None`` where it is unknown."""
        clips = self.guarantee.reals + self.guarantee.fakes
        if self.prevalence is None and clips:
            return self.guarantee.fakes / clips
        return self.prevalence


def shift_probability(probability: float, log_odds: float) -> float:
    """Add to the log-odds of a probability; 0 and 1 stay as they are.

    Example:
        >>> round(shift_probability(0.5, float(logit(0.01))), 6)
        0.01
    """
    return float(expit(logit(probability) + log_odds)) if log_odds else probability


def apply_log_odds(logits: Floats | float, temperature: float, bias: float = 0.0) -> Floats:
    """Return calibrated log-odds, of the shape of ``logits``."""
    return np.asarray(logits, np.float64) / temperature + bias


def apply_platt(logits: Floats | float, temperature: float, bias: float = 0.0) -> Floats:
    """Return fake probabilities, of the shape of ``logits``.

    Example:
        >>> float(apply_platt(2.0, temperature=2.0).round(3))
        0.731
    """
    return np.asarray(expit(apply_log_odds(logits, temperature, bias)))


def clipped_logit(probabilities: Floats | float) -> Floats:
    """Return log-odds that are finite even for probabilities of 0 and 1, of the same shape."""
    return np.asarray(logit(np.clip(probabilities, PROB_CLIP, 1 - PROB_CLIP)))


def fit_platt(logits: Floats, is_fake: NDArray[np.bool_]) -> tuple[float, float]:
    """Return temperature and bias of maximum likelihood.

    Args:
        logits: One per validation clip, shape ``(clips,)``.
        is_fake: True where the clip is fake, shape ``(clips,)``.

    Returns:
        The temperature, within ``TEMPERATURE_RANGE`` so that the order of scores is never
        reversed, and the bias.

    Raises:
        SingleClassError: All clips are genuine, or all are fake.
    """
    from scipy.optimize import minimize  # takes long, and scoring fits nothing

    targets, z = smoothed_targets(is_fake), np.asarray(logits, np.float64)
    inputs = np.stack([z, np.ones_like(z)])

    def cross_entropy(line: Floats) -> tuple[float, Floats]:  # convex; value and gradient
        log_odds = line @ inputs
        gradient = inputs @ (expit(log_odds) - targets) / len(z)
        return float((np.logaddexp(0, log_odds) - targets * log_odds).mean()), gradient

    low, high = TEMPERATURE_RANGE
    optimum = minimize(
        cross_entropy,
        np.array([1.0, 0.0]),
        jac=True,
        bounds=[(1 / high, 1 / low), (None, None)],
        method="L-BFGS-B",
    )
    factor, bias = optimum.x
    return float(1 / factor), float(bias)


def fit_temperature(logits: Floats, is_fake: NDArray[np.bool_]) -> float:
    """Return the temperature of maximum likelihood without a bias.

    Arguments and errors are those of :func:`fit_platt`.
    """
    from scipy.optimize import minimize_scalar

    targets, z = smoothed_targets(is_fake), np.asarray(logits, np.float64)

    def cross_entropy(log_temperature: float) -> float:
        scaled = z / math.exp(log_temperature)
        return float((np.logaddexp(0, scaled) - targets * scaled).mean())

    low, high = (math.log(limit) for limit in TEMPERATURE_RANGE)
    # not convex in the log-temperature, so the best point of a grid is refined
    grid = np.linspace(low, high, 121)
    best = int(np.argmin([cross_entropy(point) for point in grid]))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    optimum = minimize_scalar(cross_entropy, bounds=bounds, method="bounded")
    return float(math.exp(optimum.x))


def smoothed_targets(is_fake: NDArray[np.bool_]) -> Floats:
    """Return Platt's smoothed targets, shape ``(clips,)``."""
    fakes = require_both_classes(is_fake)
    reals = len(is_fake) - fakes
    return np.where(is_fake, (fakes + 1) / (fakes + 2), 1 / (reals + 2))


def require_both_classes(is_fake: NDArray[np.bool_]) -> int:
    """Return how many clips are fake.

    Raises:
        SingleClassError: All clips are genuine, or all are fake.
    """
    fakes = int(is_fake.sum())
    if not 0 < fakes < len(is_fake):
        raise SingleClassError(
            f"{fakes} of {len(is_fake)} validation clips are fake; calibration needs both classes"
        )
    return fakes
