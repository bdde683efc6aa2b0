"""Model card in MLflow."""

from pathlib import Path

from zenml import step

from steps.platforms.champion_store import render_model_card
from steps.platforms.mlflow_runs import log_page
from unmask.evaluation.gates import GateReport


@step
def log_model_card(mlflow_run: str, bundle: Path, gates: GateReport) -> None:
    """Log the model card that the bundle has with these gate results, whether they are passed."""
    log_page(mlflow_run, render_model_card(bundle, gates), "model_card.md")
