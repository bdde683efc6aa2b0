"""Calibration error of every output of a detector: clip, face, voice, frame, second."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from unmask.config import EvaluationSettings
from unmask.evaluation import metrics
from unmask.evaluation.bootstrap import Resampling, estimate_metrics
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.metrics import Labels, Scores
from unmask.evaluation.resampled_metrics import resampled_calibration_errors
from unmask.records import ScoreRow

HEADINGS = ("output", "items", "fakes", "ECE", "by chance")
DISTANCE = 1e-12  # from 0 and 1, so that log-odds stay finite


@dataclass(frozen=True, slots=True)
class LabelledOutput:
    """Scores of one output with its own labels; every array has the shape ``(items,)``.

    Attributes:
        probabilities: In ``[0, 1]``.
        identities: Person shown, the unit of resampling.
    """

    probabilities: Scores
    is_fake: Labels
    identities: NDArray[np.str_]

    @classmethod
    def join(cls, parts: "Sequence[LabelledOutput]") -> "LabelledOutput":
        """Return all parts as one; there must be at least one."""
        return cls(
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.is_fake for part in parts]),
            np.concatenate([part.identities for part in parts]),
        )


@dataclass(frozen=True, slots=True)
class OutputCalibration:
    """Calibration error of one output.

    Attributes:
        items: Number of clips, frames or seconds; ``fakes`` of them are forged.
        identities: Number of people.
        ece: Expected calibration error with its interval by person.
        by_chance: ECE that a perfectly calibrated detector would show on as many items.
    """

    items: int
    fakes: int
    identities: int
    ece: Estimate
    by_chance: float

    def list_cells(self, name: str) -> tuple[str, ...]:
        """Return the row as text, see ``HEADINGS``."""
        counts = str(self.items), str(self.fakes)
        return name, *counts, self.ece.format(), f"{self.by_chance:.3f}"


def outputs_of_rows(rows: Sequence[ScoreRow]) -> dict[str, LabelledOutput]:
    """Return the outputs that a score table holds: clip, face and voice.

    Without those that have no labels.
    """
    columns = {
        "clip": ("probability", "is_fake"),
        "face": ("video_probability", "fake_video"),
        "voice": ("audio_probability", "fake_audio"),
    }
    outputs = {}
    for name, (score, label) in columns.items():
        known = [r for r in rows if None not in (getattr(r, score), getattr(r, label))]
        if known:
            outputs[name] = LabelledOutput(
                np.array([getattr(row, score) for row in known], np.float64),
                np.array([getattr(row, label) for row in known], np.bool_),
                np.array([row.identity for row in known]),
            )
    return outputs


def measure_outputs(
    outputs: Mapping[str, LabelledOutput],
    prevalence: float | None,
    settings: EvaluationSettings,
    seed: int,
) -> dict[str, OutputCalibration]:
    """Measure the calibration error of each output that has both classes.

    Args:
        prevalence: Share of fakes that the probabilities are stated for; see
            :func:`at_own_share`.
        seed: Seed of the resampling.
    """
    return {
        name: _measure(output, prevalence, settings, seed)
        for name, output in outputs.items()
        if len(set(output.is_fake.tolist())) == 2
    }


def at_own_share(probabilities: Scores, is_fake: Labels, prevalence: float | None) -> Scores:
    """State probabilities for the share of fakes among the items that they are measured on.

    A probability of 0.5 at a prevalence of one half is not wrong where one clip in five is forged;
    it is stated for other footage. Bayes' rule moves all log-odds by the same amount.

    Args:
        prevalence: Share of fakes that they are stated for; ``None`` leaves them as they are, as
            do items of one class.

    Example:
        >>> p = at_own_share(np.array([0.5, 0.5]), np.array([True, False]), 0.2)
        >>> p.round(3).tolist()
        [0.8, 0.8]
    """
    share = float(np.mean(is_fake)) if len(is_fake) else 0.0
    if prevalence is None or share in (0.0, 1.0, prevalence):
        return probabilities
    log_odds = logit(np.clip(probabilities, DISTANCE, 1 - DISTANCE))
    return np.asarray(expit(log_odds + logit(share) - logit(prevalence)))


def _measure(
    output: LabelledOutput, prevalence: float | None, settings: EvaluationSettings, seed: int
) -> OutputCalibration:
    is_fake, bins = output.is_fake, settings.bins
    p = at_own_share(output.probabilities, is_fake, prevalence)
    estimates = estimate_metrics(
        {"ece": metrics.expected_calibration_error(p, is_fake, bins)},
        lambda counts: {"ece": resampled_calibration_errors(p, is_fake, counts, bins)},
        is_fake,
        output.identities.tolist(),
        Resampling(np.random.default_rng(seed), settings.resamples, settings.confidence),
    )
    people = len(np.unique(output.identities))
    chance = metrics.expected_ece_under_calibration(p, bins, np.random.default_rng(seed))
    return OutputCalibration(len(p), int(is_fake.sum()), people, estimates["ece"], chance)
