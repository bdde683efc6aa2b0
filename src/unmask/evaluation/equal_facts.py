"""AUC of fakes against those genuine clips whose files have the same facts.

Clips are matched on the propensity score, the probability of being fake that the facts give
(Rosenbaum & Rubin, "The central role of the propensity score", Biometrika 1983,
doi:10.1093/biomet/70.1.41): among clips of one score, facts and label are independent. Each fake is
compared with the genuine clips near it, and the results are averaged over the fakes. That is the
covariate-adjusted AUC (Janes & Pepe, Biometrika 2009, doi:10.1093/biomet/asp002).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.evaluation.file_facts import fit_logistic
from unmask.evaluation.metrics import Labels, Scores
from unmask.evaluation.resampled_metrics import Counts

# in standard deviations of the logit, as Austin advises (Pharmaceutical Statistics 2011,
# doi:10.1002/pst.433)
CALIPER = 0.2


@dataclass(frozen=True, slots=True)
class MatchedPairs:
    """Fakes and the genuine clips near them.

    Attributes:
        near: Whether two clips have about the same propensity, shape ``(fakes, genuine)``.
        is_fake: Shape ``(clips,)``.
    """

    near: NDArray[np.bool_]
    is_fake: Labels

    @property
    def matched_fakes(self) -> int:
        """Number of fakes with at least one genuine clip near them."""
        return int(self.near.any(axis=1).sum())

    def auc(self, scores: Scores) -> float | None:
        """Return the AUC at equal facts; ``None`` if no fake has a genuine clip near it."""
        if not self.matched_fakes:
            return None
        return float(self.resampled_aucs(scores, np.ones((1, len(scores)), np.int64))[0])

    def resampled_aucs(self, scores: Scores, counts: Counts) -> Scores:
        """Return the AUC at equal facts of each resample, shape ``(resamples,)``.

        Args:
            scores: Shape ``(clips,)``; higher is more fake, and a tie counts half.
            counts: How often each clip occurs in each resample, shape ``(resamples, clips)``.

        Returns:
            NaN for a resample in which no fake has a genuine clip near it.
        """
        margins = scores[self.is_fake][:, None] - scores[~self.is_fake]
        wins = self.near * np.heaviside(margins, 0.5)
        fakes, genuine = counts[:, self.is_fake], counts[:, ~self.is_fake]
        partners = genuine @ self.near.T  # (resamples, fakes)
        shares = genuine @ wins.T / np.maximum(partners, 1)
        weights = fakes * (partners > 0)
        total = weights.sum(axis=1)
        means = (weights * shares).sum(axis=1) / np.maximum(total, 1)
        return np.where(total > 0, means, np.nan)


def match_by_facts(columns: Scores, is_fake: Labels) -> MatchedPairs:
    """Match clips on the propensity score of their facts.

    Args:
        columns: As of :func:`unmask.evaluation.file_facts.fact_columns`.
        is_fake: Shape ``(clips,)``; both classes are among them.
    """
    logits = fit_logistic(columns, is_fake).logits(columns)
    fakes, genuine = logits[is_fake], logits[~is_fake]
    caliper = CALIPER * np.sqrt((fakes.var() + genuine.var()) / 2)
    return MatchedPairs(np.abs(fakes[:, None] - genuine) <= caliper, is_fake)
