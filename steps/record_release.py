"""Results of a release in MLflow and the model registry."""

from pathlib import Path

from zenml import step

from steps.platforms import releases
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.evaluate import Evaluation


@step(enable_cache=False)
def record_release(
    mlflow_run: str, evaluation: Evaluation, comparison: BaselineComparison, report: Path
) -> None:
    """Log the sealed scores, print them, and move the baseline if nothing is lost by it."""
    releases.record_release(mlflow_run, evaluation, comparison, report)
