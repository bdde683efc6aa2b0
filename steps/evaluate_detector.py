"""How good a detector is on the test clips."""

from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated

from zenml import step
from zenml.config.cache_policy import CachePolicy

from steps.platforms.cache_keys import evaluation_code
from steps.platforms.materializers import FolderMaterializer
from steps.platforms.paths import CACHE
from unmask.config import EvaluationSettings
from unmask.evaluation.evaluate import Evaluation, evaluate
from unmask.evaluation.plots import write_plots
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.score_clips import score_split


@step(
    output_materializers={"plots": FolderMaterializer},
    cache_policy=CachePolicy(cache_func=evaluation_code),
)
def evaluate_detector(
    bundle: Path, clips: tuple[Clip, ...], settings: EvaluationSettings, seed: int
) -> tuple[Annotated[Evaluation, "evaluation"], Annotated[Path, "plots"]]:
    """Score the test split; measure, and draw ROC and reliability."""
    rows = score_split(bundle, clips, "test", Cache(CACHE))
    plots = Path(mkdtemp(prefix="unmask-plots-"))
    write_plots(rows, plots, settings.bins)
    return evaluate(rows, settings, seed), plots
