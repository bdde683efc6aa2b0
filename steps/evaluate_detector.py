"""Metrics of a detector on the test clips."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import EVALUATION_POLICY
from steps.platforms.materializers import FolderMaterializer, step_dir
from steps.platforms.paths import CACHE
from unmask.config import EvaluationSettings
from unmask.data.test_sets import select_headline_clips
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.evaluation.cross_dataset import CrossEvaluation
from unmask.evaluation.evaluate import Evaluation, evaluate, measure_splits
from unmask.evaluation.plots import write_plots
from unmask.evaluation.serialization import write_scores
from unmask.models.device_placement import load_on_accelerator
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.localisation.measure import measure_split
from unmask.training.own_forgeries import score_own_forgeries
from unmask.training.score_outputs import score_split_outputs


@step(output_materializers={"plots": FolderMaterializer}, cache_policy=EVALUATION_POLICY)
def evaluate_detector(
    bundle: Path,
    clips: tuple[Clip, ...],
    own_forgeries: tuple[Clip, ...],
    cross_dataset: CrossEvaluation,
    settings: EvaluationSettings,
    seed: int,
) -> tuple[Annotated[Evaluation, "evaluation"], Annotated[Path, "plots"]]:
    """Score the test clips of the headline; compute metrics, plot curves, keep the scores.

    The metrics on data sets without training clips become part of the evaluation, and so do those
    on own forgeries and of localisation.
    """
    headline, cache = select_headline_clips(clips), Cache(CACHE)
    detector = load_on_accelerator(bundle)
    load = make_feature_loader(detector.preprocessing, cache, headline)
    scores = score_split_outputs(detector, headline, "test", load)
    plots = step_dir()
    write_plots(scores.rows, plots, settings.bins)
    write_scores(scores.rows, plots / "scores.csv")
    own_rows = score_own_forgeries(bundle, own_forgeries, cache)
    if own_rows:
        write_scores(own_rows, plots / "own_forgeries.csv")
    slices = measure_splits(own_rows, settings, seed)
    evaluation = evaluate(scores.rows, settings, seed, scores.outputs)
    evaluation = evaluation.beside_promise(scores.guarantee.fpr, scores.guarantee.fnr)
    evaluation = replace(evaluation, cross_dataset=cross_dataset, own_forgeries=slices)
    localisation = measure_split(detector, scores.scored, load, settings, seed)
    return replace(evaluation, localisation=localisation), plots
