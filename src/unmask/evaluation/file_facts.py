"""What the facts of a file alone say about its label.

Genuine clips and fakes of public sources differ in size, length and encoding, and a detector may
have learnt that. A logistic regression on these facts, which sees no picture and hears no sound,
says how much of a score they could explain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from unmask.evaluation.metrics import Labels, Scores
from unmask.evaluation.resampled_metrics import Counts

TIE_DECIMALS = 9  # equal facts have equal log-odds up to rounding
# what is reported on its own, and the fields that it consists of
FACTS = {
    "resolution": ("width", "height"),
    "frame rate": ("fps",),
    "duration": ("duration_s",),
    "bit rate": ("bits_per_s",),
    "sample rate": ("sample_rate_hz",),
    "container": ("container",),
}


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Facts of a media file that do not depend on what it shows.

    Attributes:
        width, height: In pixels; 0 without video, as is ``fps``.
        bits_per_s: Bytes of the file times eight, divided by its duration.
        sample_rate_hz: 0 without sound.
        container: FFmpeg's name of the format.
    """

    width: int
    height: int
    fps: float
    duration_s: float
    bits_per_s: float
    sample_rate_hz: int
    container: str


@dataclass(frozen=True, slots=True)
class LogisticModel:
    """Logistic regression on standardised columns.

    Attributes:
        mean, scale: Of the columns of the training clips, shape ``(columns,)``.
        weights: Shape ``(columns,)``.
    """

    mean: Scores
    scale: Scores
    weights: Scores
    intercept: float

    def logits(self, columns: Scores) -> Scores:
        """Return the log-odds of clips, shape ``(clips,)``."""
        return np.asarray((columns - self.mean) / self.scale @ self.weights + self.intercept)


def fact_columns(facts: Sequence[FileFacts], names: Sequence[str] = tuple(FACTS)) -> Scores:
    """Return the facts as numbers, shape ``(clips, columns)``.

    Quantities are logarithms; where one is 0, such as the sample rate of a silent file, it is the
    mean of the others, and a further column says so. A container is a column of zeros and ones.

    Args:
        names: Keys of ``FACTS``.
    """
    columns: list[Scores] = []
    for field in (field for name in names for field in FACTS[name]):
        values = np.array([getattr(clip, field) for clip in facts])
        if field == "container":
            columns += [(values == name).astype(np.float64) for name in np.unique(values)]
            continue
        known = values > 0
        logs = np.log(np.where(known, values, 1.0))
        columns.append(np.where(known, logs, logs[known].mean() if known.any() else 0.0))
        columns.append(known.astype(np.float64))
    return np.stack(columns, axis=1)


def fit_logistic(columns: Scores, is_fake: Labels) -> LogisticModel:
    """Fit a logistic regression with an L2 penalty of ``|weights|² / 2``.

    Both classes have the same total weight.

    Args:
        columns: Shape ``(clips, columns)``.
        is_fake: Shape ``(clips,)``; both classes are among them.
    """
    mean, scale = columns.mean(axis=0), columns.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    inputs = (columns - mean) / scale
    signs = np.where(is_fake, 1.0, -1.0)
    share = np.where(is_fake, is_fake.mean(), 1 - is_fake.mean())
    clip_weights = 0.5 / share

    def loss(point: Scores) -> tuple[float, Scores]:
        weights, margins = point[:-1], signs * (inputs @ point[:-1] + point[-1])
        value = clip_weights @ np.logaddexp(0, -margins) + weights @ weights / 2
        slopes = -clip_weights * signs * expit(-margins)
        return float(value), np.append(inputs.T @ slopes + weights, slopes.sum())

    result = minimize(loss, np.zeros(inputs.shape[1] + 1), jac=True, method="L-BFGS-B")
    return LogisticModel(mean, scale, result.x[:-1], float(result.x[-1]))


def compare_across_folds(columns: Scores, is_fake: Labels, folds: NDArray[np.int64]) -> Scores:
    """Compare each fake with each genuine clip by a model that saw neither of their folds.

    The mean is the AUC of leave-pair-out cross-validation, here with whole folds left out (Airola
    et al., Computational Statistics & Data Analysis 2011, doi:10.1016/j.csda.2010.11.018). Pooled
    logits of several models would not do: a model that lacks a fold leans away from its labels
    (Parker et al., "Stratification bias in low signal microarray studies", BMC Bioinformatics 2007,
    doi:10.1186/1471-2105-8-326). A fact that nearly all files share then has an AUC far below 0.5.

    Args:
        columns: Shape ``(clips, columns)``.
        folds: Fold in which each clip is tested, shape ``(clips,)``.

    Returns:
        1 where the fake has the higher log-odds, 0 where it has the lower; 0.5 where they are
        equal, or all other clips are of one class. Shape ``(fakes, genuine)``.
    """
    fake_folds, real_folds = folds[is_fake], folds[~is_fake]
    fakes, reals = columns[is_fake], columns[~is_fake]
    wins = np.full((len(fakes), len(reals)), 0.5)
    left_out = {tuple(sorted(pair)) for pair in product(set(fake_folds), set(real_folds))}
    for first, second in left_out:
        others = (folds != first) & (folds != second)
        if len(np.unique(is_fake[others])) < 2:
            continue
        model = fit_logistic(columns[others], is_fake[others])
        for fake_fold, real_fold in {(first, second), (second, first)}:
            rows, positions = fake_folds == fake_fold, real_folds == real_fold
            margins = model.logits(fakes[rows])[:, None] - model.logits(reals[positions])
            wins[np.ix_(rows, positions)] = np.heaviside(margins.round(TIE_DECIMALS), 0.5)
    return wins


def resampled_win_shares(wins: Scores, is_fake: Labels, counts: Counts) -> Scores:
    """Return the share of pairs that the fake wins in each resample, shape ``(resamples,)``.

    Args:
        wins: Shape ``(fakes, genuine)``.
        is_fake: Shape ``(clips,)``.
        counts: How often each clip occurs in each resample, shape ``(resamples, clips)``.
    """
    fakes, genuine = counts[:, is_fake], counts[:, ~is_fake]
    won = ((fakes @ wins) * genuine).sum(axis=1)
    return np.asarray(won / (fakes.sum(axis=1) * genuine.sum(axis=1)), np.float64)
