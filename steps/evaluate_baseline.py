"""Comparison of a candidate with the pinned baseline."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import EVALUATION_POLICY
from steps.platforms.paths import CACHE
from unmask.config import EvaluationSettings
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.serialization import read_scores
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.reference_scores import ReferenceDetector, compare_on_test


@step(cache_policy=EVALUATION_POLICY)
def evaluate_baseline(
    baseline: Path, plots: Path, clips: tuple[Clip, ...], settings: EvaluationSettings, seed: int
) -> Annotated[BaselineComparison, "baseline_comparison"]:
    """Score the baseline on the candidate's test clips; its folder is empty without a baseline."""
    rows = read_scores(plots / "scores.csv")
    reference = ReferenceDetector(baseline)
    return compare_on_test(reference, rows, clips, Cache(CACHE), settings, seed)
