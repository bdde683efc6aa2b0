"""What was measured, in MLflow."""

from pathlib import Path

from zenml import step

from steps.platforms import mlflow_runs
from unmask.evaluation.evaluate import Evaluation
from unmask.evaluation.gates import GateReport
from unmask.robustness.adversarial_report import RobustnessReport
from unmask.robustness.codec_report import CodecReport


@step
def record_results(
    mlflow_run: str,
    evaluation: Evaluation,
    plots: Path,
    robustness: RobustnessReport,
    codecs: CodecReport,
    gates: GateReport,
) -> None:
    """Write numbers, plots and gates to the run that the training began, and close it."""
    numbers = evaluation.to_metrics() | robustness.to_metrics() | codecs.to_metrics()
    mlflow_runs.finish_run(mlflow_run, numbers, gates)
    mlflow_runs.log_folder(mlflow_run, plots, "plots")
