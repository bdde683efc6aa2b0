"""Registration of a detector in the MLflow model registry."""

from pathlib import Path
from typing import Annotated

from zenml import log_metadata, step

from steps.platforms.model_registry import register_candidate
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
    request: RunRequest,
) -> Annotated[str, "version"]:
    """Register the bundle: champion if every required gate passed, challenger otherwise."""
    version = register_candidate(mlflow_run, bundle, evaluation, gates, data_version, request)
    facts = {"auc": evaluation.auc, "gates": gates.outcome, "test_clips": evaluation.clips}
    names = {"mlflow_run": mlflow_run, "registered_version": version, "data": data_version}
    log_metadata(facts | names | {"phase": request.phase, "profile": request.profile})
    return version
