"""The detector's entry in the MLflow registry."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms import registration
from steps.platforms.run_summary import RunRequest
from unmask.evaluation.evaluate import Evaluation
from unmask.evaluation.gates import GateReport


@step(enable_cache=False)
def register_detector(
    mlflow_run: str,
    bundle: Path,
    evaluation: Evaluation,
    gates: GateReport,
    data_version: str,
    job: RunRequest,
) -> Annotated[str, "version"]:
    """Register the bundle once; champion if every required gate passed, else challenger."""
    return registration.register_and_summarise(
        mlflow_run, bundle, evaluation, gates, data_version, job
    )
