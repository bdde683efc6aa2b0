"""One page of a training run."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms import mlflow_runs
from steps.platforms.materializers import FolderMaterializer, step_dir
from steps.platforms.paths import RUN_REPORT
from unmask.evaluation.evaluate import Evaluation
from unmask.evaluation.gates import GateReport
from unmask.files import atomic_write
from unmask.robustness.adversarial_report import RobustnessReport
from unmask.robustness.codec_report import CodecReport
from unmask.robustness.run_page import render_run_page


@step(enable_cache=False, output_materializers={"report": FolderMaterializer})
def write_run_report(
    mlflow_run: str,
    evaluation: Evaluation,
    plots: Path,
    robustness: RobustnessReport,
    codecs: CodecReport,
    gates: GateReport,
) -> Annotated[Path, "report"]:
    """Write scores, curves, gates, attacks and codecs as one page, also where a gate is missed.

    The dashboard of ZenML shows it on this step.
    """
    title = mlflow_runs.run_name(mlflow_run)
    page = render_run_page(title, evaluation, plots, robustness, codecs, gates)
    RUN_REPORT.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(RUN_REPORT) as unfinished:
        unfinished.write_text(page, encoding="utf-8")
    mlflow_runs.log_page(mlflow_run, page, RUN_REPORT.name)
    folder = step_dir()
    (folder / RUN_REPORT.name).write_text(page, encoding="utf-8")
    return folder
