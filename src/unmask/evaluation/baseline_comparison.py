"""Comparison of a candidate with the pinned baseline: non-inferiority by a paired bootstrap."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist

import numpy as np

from unmask.errors import DataError
from unmask.evaluation.bootstrap import draw_identity_counts
from unmask.evaluation.metrics import roc_auc
from unmask.evaluation.resampled_metrics import resampled_aucs
from unmask.evaluation.slices import PartOfClips, list_sources_and_kinds
from unmask.records import ScoreRow

CONFIDENCE = 0.95  # one-sided, of the lower bound
PART_HEADINGS = (
    *("part", "fake + genuine", "AUC of the baseline", "difference"),
    "lower bound",
)
Pairs = Sequence[tuple[ScoreRow, ScoreRow]]  # of the candidate and of the baseline


@dataclass(frozen=True, slots=True)
class BaselineSource(PartOfClips):
    """The comparison on a data set or a kind of fakes; ``None`` where nothing is measured.

    Attributes:
        auc, difference, lower: See :class:`BaselineComparison`.
    """

    auc: float | None = None
    difference: float | None = None
    lower: float | None = None

    def list_cells(self) -> tuple[str, str, str, str, str]:
        """Return the row as text, see ``PART_HEADINGS``."""
        counts = f"{self.fakes} + {self.reals}"
        if self.auc is None or self.difference is None:
            return self.title, counts, f"not measured: {self.not_measured}", "", ""
        lower = "one identity, no bound" if self.lower is None else f"{self.lower:+.3f}"
        return self.title, counts, f"{self.auc:.3f}", f"{self.difference:+.3f}", lower


@dataclass(frozen=True, slots=True)
class BaselineComparison:
    """AUC of a candidate and of the pinned baseline on the same clips.

    Attributes:
        baseline: Name of the baseline; empty where none is pinned, and nothing is compared.
        auc: AUC of the baseline; ``None`` where nothing is compared.
        difference: AUC of the candidate minus ``auc``.
        lower: One-sided 95 % lower bound of the difference; ``None`` where all clips are of one
            identity, or only the AUCs are known.
        deviation: Standard deviation of the resampled differences.
        clips, identities: How much was compared.
        sources: A row per data set and kind of fakes; empty in files of before version 0.3.
        problem: Why a baseline that is pinned could not be compared; empty otherwise.
    """

    baseline: str = ""
    auc: float | None = None
    difference: float | None = None
    lower: float | None = None
    deviation: float | None = None
    clips: int = 0
    identities: int = 0
    problem: str = ""
    sources: tuple[BaselineSource, ...] = ()

    def power(self, margin: float) -> float | None:
        """Return how likely an equally good detector is shown to be within ``margin``.

        By the normal approximation, for a detector whose scores differ from the baseline's as
        much as the candidate's do. ``None`` where there is no bound.
        """
        if self.deviation is None:
            return None
        if self.deviation == 0:
            return 1.0
        normal = NormalDist()
        return normal.cdf(margin / self.deviation - normal.inv_cdf(CONFIDENCE))


def compare_with_baseline(
    candidate: Sequence[ScoreRow],
    baseline: Sequence[ScoreRow],
    name: str,
    resamples: int,
    seed: int,
) -> BaselineComparison:
    """Compare two detectors on the clips that both have scored.

    Whole identities are resampled, and both AUCs are taken on each resample, so that what makes
    a test set easy or hard for both cancels out. The candidate is non-inferior with a margin if
    the lower bound is above minus that margin (Piaggio et al., "Reporting of Noninferiority and
    Equivalence Randomized Trials", JAMA 308, 2012).

    Args:
        candidate, baseline: Score tables; clips that one of them lacks are left out.
        name: Name of the baseline.
        seed: Seed of the resampling.

    Raises:
        DataError: The tables have no clip in common.
        SingleClassError: The clips are all genuine, or all fake.
    """
    known = {row.clip_id: row for row in baseline}
    pairs = [(row, known[row.clip_id]) for row in candidate if row.clip_id in known]
    if not pairs:
        raise DataError("candidate and baseline have scored no clip in common; score them again")
    whole = _compare(pairs, name, resamples, seed)
    sources = _compare_sources(pairs, resamples, seed)
    return replace(whole, sources=tuple(sources))


def _compare_sources(pairs: Pairs, resamples: int, seed: int) -> Iterator[BaselineSource]:
    for part, indices in list_sources_and_kinds([row for row, _ in pairs]):
        if part.not_measured:
            yield BaselineSource(**asdict(part))
            continue
        own = _compare([pairs[index] for index in indices], "", resamples, seed)
        row = BaselineSource(**asdict(part))
        yield replace(row, auc=own.auc, difference=own.difference, lower=own.lower)


def _compare(pairs: Pairs, name: str, resamples: int, seed: int) -> BaselineComparison:
    """Compare both detectors on some clips, without sources."""
    is_fake = np.array([row.is_fake for row, _ in pairs])
    people = [row.identity for row, _ in pairs]
    new, old = (np.array([pair[side].logit for pair in pairs]) for side in (0, 1))
    auc = roc_auc(old, is_fake)
    difference, identities = roc_auc(new, is_fake) - auc, len(set(people))
    if identities < 2:
        return BaselineComparison(name, auc, difference, clips=len(pairs), identities=identities)
    counts = draw_identity_counts(is_fake, people, np.random.default_rng(seed), resamples)
    differences = resampled_aucs(new, is_fake, counts) - resampled_aucs(old, is_fake, counts)
    return BaselineComparison(
        name,
        auc,
        difference,
        lower=float(np.quantile(differences, 1 - CONFIDENCE)),
        deviation=float(differences.std()),
        clips=len(pairs),
        identities=identities,
    )
