"""Pages of the data validation in MLflow."""

from pathlib import Path

from zenml import step

from steps.platforms.mlflow_runs import log_folder


@step
def log_data_docs(mlflow_run: str, data_docs: Path) -> None:
    """Log the pages of Great Expectations, so that a run shows what its data passed."""
    log_folder(mlflow_run, data_docs, "data_docs")
