"""Comparison of a candidate with the detector that is served."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.paths import CACHE, CHAMPION
from steps.platforms.run_summary import promotable
from steps.platforms.serving_choice import NOT_SHOWN, TITLE, has_rival
from unmask.config import EvaluationSettings
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.gates import GateReport
from unmask.evaluation.serialization import read_scores
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.reference_scores import ReferenceDetector, compare_on_test


@step(enable_cache=False)
def compare_with_served(
    bundle: Path,
    gates: GateReport,
    plots: Path,
    clips: tuple[Clip, ...],
    settings: EvaluationSettings,
    seed: int,
) -> Annotated[BaselineComparison, "served_comparison"]:
    """Score the served champion, of whichever phase, on the candidate's test clips.

    Nothing is compared if the candidate may not be served, or if no other champion is.
    """
    if not (promotable(gates) and has_rival(bundle)):
        return BaselineComparison()
    rows = read_scores(plots / "scores.csv")
    champion = ReferenceDetector(CHAMPION, TITLE, NOT_SHOWN)
    return compare_on_test(champion, rows, clips, Cache(CACHE), settings, seed)
