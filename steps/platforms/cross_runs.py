"""Cross-dataset evaluations as MLflow runs."""

from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow

from steps.platforms.mlflow_runs import find_experiment, git_commit
from unmask.evaluation.cross_dataset import CrossEvaluation
from unmask.evaluation.cross_dataset_tables import write_page
from unmask.evaluation.metric_keys import to_metric_keys
from unmask.evaluation.serialization import save

EXPERIMENT = "unmask-crosseval"


def log_cross_evaluation(evaluation: CrossEvaluation) -> str:
    """Log the metrics of all data sets, the JSON file and the page as one run.

    Returns:
        The run's identifier.
    """
    client = mlflow.MlflowClient()
    names = ",".join(dataset.name for dataset in evaluation.datasets)
    tags = {"commit": git_commit(), "bundle_sha256": evaluation.bundle}
    run = client.create_run(find_experiment(EXPERIMENT), run_name=names, tags=tags).info.run_id
    for key, value in {"datasets": names, "frames": evaluation.frames}.items():
        client.log_param(run, key, value)
    for key, metric in to_metric_keys(evaluation.to_metrics()).items():
        client.log_metric(run, key, metric)
    with TemporaryDirectory() as folder:
        save(evaluation, Path(folder) / "crosseval.json")
        write_page(evaluation, Path(folder) / "crosseval.html")
        client.log_artifacts(run, folder)
    client.set_terminated(run)
    return str(run)
