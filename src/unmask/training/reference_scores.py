"""Scores of a candidate and of a detector that it is compared with, on the same clips."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from unmask.config import EvaluationSettings
from unmask.data.test_sets import select_headline_clips
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.errors import UnmaskError
from unmask.evaluation.baseline_comparison import BaselineComparison, compare_with_baseline
from unmask.models.bundle import Bundle
from unmask.models.device_placement import load_on_accelerator
from unmask.preprocessing.cache import Cache
from unmask.records import Clip, ScoreRow
from unmask.training.score_clips import score_clips

ScoreTable = Sequence[ScoreRow]
PIN = "pin another version with `python -m pipelines pin`"


class ReferenceDetector(NamedTuple):
    """A detector that a candidate is compared with.

    Attributes:
        folder: Folder of its bundle. Without such a detector the folder is empty.
        title: Its role in messages.
        remedy: What to do where it cannot be compared.
    """

    folder: Path
    title: str = "pinned baseline"
    remedy: str = PIN


def compare_on_test(
    reference: ReferenceDetector,
    candidate: ScoreTable,
    clips: Sequence[Clip],
    cache: Cache | None,
    settings: EvaluationSettings,
    seed: int,
) -> BaselineComparison:
    """Compare a candidate's scores of the headline's test clips with those of another detector.

    The other one is scored with its own preprocessing on the present test set, whichever test set
    it was registered with.

    Args:
        seed: Seed of the resampling.

    Returns:
        With a ``problem`` where the other detector cannot be read or scored.
    """

    def score(bundle: Bundle) -> ScoreTable:
        test = select_headline_clips(clips)
        return score_clips(bundle, test, make_feature_loader(bundle.preprocessing, cache, test))

    return compare_bundles(reference, candidate, score, settings, seed)


def compare_bundles(
    reference: ReferenceDetector,
    candidate: ScoreTable,
    score: Callable[[Bundle], ScoreTable],
    settings: EvaluationSettings,
    seed: int,
) -> BaselineComparison:
    """Compare a candidate's scores with those that ``score`` gives another detector.

    Other arguments and the result are those of :func:`compare_on_test`.
    """
    folder, title, remedy = reference
    if not folder.is_dir() or not any(folder.iterdir()):
        return BaselineComparison()
    name = f"the {title}"
    try:
        bundle = load_on_accelerator(folder)
        name = f"{title} {bundle.sha256[:12]}"
        return compare_with_baseline(candidate, score(bundle), name, settings.resamples, seed)
    except UnmaskError as error:
        return BaselineComparison(name, problem=f"{name} cannot be compared: {error}; {remedy}")
