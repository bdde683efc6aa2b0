"""Skipped clips in MLflow."""

from zenml import step

from steps.platforms import mlflow_runs


@step
def log_skipped_clips(mlflow_run: str, skipped: dict[str, str]) -> None:
    """Log how many clips the run went on without, and why."""
    mlflow_runs.log_skipped_clips(mlflow_run, skipped)
