"""Metrics of a detector on data sets that it was not trained on."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.materializers import FolderMaterializer, step_dir
from steps.platforms.paths import CACHE
from unmask.config import EvaluationSettings
from unmask.evaluation.cross_dataset import CrossEvaluation
from unmask.evaluation.cross_dataset_tables import write_page
from unmask.evaluation.serialization import save
from unmask.preprocessing.cache import Cache
from unmask.training.cross_dataset import CrossOptions, evaluate_on_folders


@step(enable_cache=False, output_materializers={"cross_report": FolderMaterializer})
def evaluate_cross_dataset(
    bundle: Path, folders: dict[str, str], frames: int, settings: EvaluationSettings, seed: int
) -> tuple[Annotated[CrossEvaluation, "cross_evaluation"], Annotated[Path, "cross_report"]]:
    """Score the test clips of each data set, by name and folder; write JSON and a page.

    The step is never cached, as its inputs do not show whether a folder has changed.
    """
    roots = {name: Path(folder) for name, folder in folders.items()}
    evaluation = evaluate_on_folders(
        bundle, roots, Cache(CACHE), settings, CrossOptions(frames, seed)
    )
    report = step_dir()
    save(evaluation, report / "crosseval.json")
    write_page(evaluation, report / "crosseval.html")
    return evaluation, report
