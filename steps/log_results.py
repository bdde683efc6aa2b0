"""Results in MLflow."""

from pathlib import Path

from zenml import step

from steps.platforms import mlflow_runs
from unmask.evaluation.evaluate import Evaluation
from unmask.evaluation.gates import GateReport
from unmask.robustness.adversarial_report import RobustnessReport
from unmask.robustness.codec_report import CodecReport
from unmask.robustness.robustness_page import render_page


@step
def log_results(
    mlflow_run: str,
    evaluation: Evaluation,
    plots: Path,
    robustness: RobustnessReport,
    codecs: CodecReport,
    gates: GateReport,
) -> None:
    """Log metrics, plots, attacks and gates to the run that training started, and end it."""
    metrics = evaluation.to_metrics() | robustness.to_metrics() | codecs.to_metrics()
    mlflow_runs.finish_run(mlflow_run, metrics, gates)
    mlflow_runs.log_folder(mlflow_run, plots, "plots")
    mlflow_runs.log_curve(mlflow_run, "roc/true_positive_rate", plots / "roc.csv")
    mlflow_runs.log_page(mlflow_run, render_page(robustness), "robustness.html")
    mlflow_runs.log_table(mlflow_run, robustness.rows, "attacks.csv")
    mlflow_runs.log_table(mlflow_run, codecs.rows, "codecs.csv")
