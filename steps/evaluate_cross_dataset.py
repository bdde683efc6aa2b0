"""Metrics of a detector on data sets that it was not trained on."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import EVALUATION_POLICY
from steps.platforms.paths import CACHE
from unmask.config import EvaluationSettings
from unmask.evaluation.cross_dataset import CrossEvaluation
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.cross_dataset import evaluate_unseen_sets


@step(cache_policy=EVALUATION_POLICY)
def evaluate_cross_dataset(
    bundle: Path, clips: tuple[Clip, ...], settings: EvaluationSettings, seed: int
) -> Annotated[CrossEvaluation, "cross_dataset"]:
    """Score the test clips of each data set that has no training or validation clips."""
    return evaluate_unseen_sets(bundle, clips, Cache(CACHE), settings, seed)
