"""Scores of a candidate and of the pinned baseline on the same clips."""

from collections.abc import Callable, Sequence
from pathlib import Path

from unmask.config import EvaluationSettings
from unmask.data.test_sets import select_headline_clips
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.errors import UnmaskError
from unmask.evaluation.baseline_comparison import BaselineComparison, compare_with_baseline
from unmask.models.bundle import Bundle
from unmask.models.device_placement import load_on_accelerator
from unmask.preprocessing.cache import Cache
from unmask.records import Clip, ScoreRow
from unmask.training.score_clips import score_clips

ScoreTable = Sequence[ScoreRow]
PIN = "`python -m pipelines pin`"


def compare_on_test(
    baseline: Path,
    candidate: ScoreTable,
    clips: Sequence[Clip],
    cache: Cache | None,
    settings: EvaluationSettings,
    seed: int,
) -> BaselineComparison:
    """Compare a candidate's scores of the headline's test clips with those of the baseline.

    The baseline is scored with its own preprocessing on the present test set, whichever test set
    it was registered with.

    Args:
        baseline: Directory of its bundle; empty if none is pinned.
        seed: Seed of the resampling.

    Returns:
        With a ``problem`` where the baseline cannot be read or scored.
    """

    def score(bundle: Bundle) -> ScoreTable:
        test = select_headline_clips(clips)
        return score_clips(bundle, test, make_feature_loader(bundle.preprocessing, cache, test))

    return compare_bundles(baseline, candidate, score, settings, seed)


def compare_bundles(
    baseline: Path,
    candidate: ScoreTable,
    score: Callable[[Bundle], ScoreTable],
    settings: EvaluationSettings,
    seed: int,
) -> BaselineComparison:
    """Compare a candidate's scores with those that ``score`` gives the baseline.

    Arguments and result are those of :func:`compare_on_test`.
    """
    if not baseline.is_dir() or not any(baseline.iterdir()):
        return BaselineComparison()
    name = "the pinned baseline"
    try:
        bundle = load_on_accelerator(baseline)
        name = f"baseline {bundle.sha256[:12]}"
        return compare_with_baseline(candidate, score(bundle), name, settings.resamples, seed)
    except UnmaskError as error:
        problem = f"{name} cannot be compared: {error}; pin another version with {PIN}"
        return BaselineComparison(name, problem=problem)
