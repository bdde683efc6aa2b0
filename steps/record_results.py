"""What was measured, in MLflow."""

from pathlib import Path

from zenml import step

from steps.platforms import tracking
from unmask.evaluation.gates import GateReport
from unmask.evaluation.report import Evaluation
from unmask.robustness.codec_report import CodecReport
from unmask.robustness.report import RobustnessReport


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
    numbers = evaluation.numbers() | robustness.numbers() | codecs.numbers()
    tracking.finish_run(mlflow_run, numbers, gates)
    tracking.log_folder(mlflow_run, plots, "plots")
