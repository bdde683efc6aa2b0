"""Metrics of a detector on sealed clips."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.materializers import FolderMaterializer, step_dir
from steps.platforms.paths import CACHE
from unmask.config import EvaluationSettings
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.evaluate import Evaluation
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training import sealed_evaluation


@step(enable_cache=False, output_materializers={"sealed_report": FolderMaterializer})
def evaluate_sealed(
    bundle: Path,
    baseline: Path,
    sealed_clips: tuple[Clip, ...],
    settings: EvaluationSettings,
    seed: int,
) -> tuple[
    Annotated[Evaluation, "evaluation"],
    Annotated[BaselineComparison, "baseline_comparison"],
    Annotated[Path, "sealed_report"],
]:
    """Score the bundle and the baseline on the sealed clips; write scores, metrics and plots."""
    report = step_dir()
    evaluation, comparison = sealed_evaluation.evaluate_sealed(
        (bundle, baseline), sealed_clips, Cache(CACHE), settings, seed, report
    )
    return evaluation, comparison, report
