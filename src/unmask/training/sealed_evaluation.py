"""Evaluation of a detector on sealed clips, once it has been chosen without them."""

from collections.abc import Sequence
from pathlib import Path

from unmask.config import EvaluationSettings
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.evaluate import Evaluation, evaluate
from unmask.evaluation.plots import write_plots
from unmask.evaluation.serialization import save, write_scores
from unmask.models.bundle import Bundle
from unmask.models.device_placement import load_on_accelerator
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.prepare import prepare_clip
from unmask.preprocessing.run_batch import fill_cache
from unmask.records import Clip, ClipFeatures, ScoreRow
from unmask.training.reference_scores import ReferenceDetector, compare_bundles
from unmask.training.score_clips import score_clips


def evaluate_sealed(
    bundles: tuple[Path, Path],
    clips: Sequence[Clip],
    cache: Cache | None,
    settings: EvaluationSettings,
    seed: int,
    report: Path,
) -> tuple[Evaluation, BaselineComparison]:
    """Score the released detector and the pinned baseline on sealed clips.

    Args:
        bundles: Directories of the released bundle, and of the baseline's; the latter is empty if
            none is pinned.
        clips: Sealed clips alone.
        seed: Seed of the resampling.
        report: Folder to write scores, metrics and plots to.

    Raises:
        DataError: No clip could be scored, or too many were left out.
        SingleClassError: The clips are all genuine, or all fake.
    """

    def score(bundle: Bundle) -> tuple[ScoreRow, ...]:
        return _score_clips(bundle, clips, cache)

    rows = score(load_on_accelerator(bundles[0]))
    evaluation = evaluate(rows, settings, seed)
    reference = ReferenceDetector(bundles[1])
    comparison = compare_bundles(reference, rows, score, settings, seed)
    write_scores(rows, report / "scores.csv")
    write_plots(rows, report, settings.bins)
    save(evaluation, report / "metrics.json")
    save(comparison, report / "baseline.json")
    return evaluation, comparison


def _score_clips(
    bundle: Bundle, clips: Sequence[Clip], cache: Cache | None
) -> tuple[ScoreRow, ...]:
    settings = bundle.preprocessing
    if cache is not None:
        fill_cache(clips, settings, cache)

    def load(clip: Clip) -> ClipFeatures:  # not the loader of development, which refuses them
        return prepare_clip(clip.path, settings, cache)

    return score_clips(bundle, clips, load)
