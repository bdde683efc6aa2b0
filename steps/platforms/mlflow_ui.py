"""The MLflow UI on this machine."""

import mlflow

from steps.platforms.mlflow_runs import EXPERIMENT

# the UI opens a page as that of a language-model application unless its address says otherwise;
# the kind that the experiment has (3.17) decides only where the address names no page
WORKFLOW = "workflowType=machine_learning"


def runs_url(port: int) -> str | None:
    """Return the address of the page that lists the runs with their metrics.

    ``None`` before the first training.
    """
    experiment = mlflow.MlflowClient().get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return None
    page = f"#/experiments/{experiment.experiment_id}/runs?{WORKFLOW}"
    return f"http://localhost:{port}/{page}"
