"""Scores and metrics of a frozen bundle on the test clips of data sets it was not trained on."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from unmask.config import EvaluationSettings
from unmask.data.datasets.ingest import ScanResult, scan_dataset
from unmask.data.datasets.source_names import NAMES, find_published_set, name_sources
from unmask.data.splits import separate_own_forgeries
from unmask.data.test_sets import select_unseen_sets
from unmask.data.torch.evaluation_set import FeatureLoader, make_feature_loader
from unmask.evaluation.cross_dataset import CrossEvaluation, DatasetScores, evaluate_datasets
from unmask.models.bundle import Bundle
from unmask.models.device_placement import load_on_accelerator
from unmask.models.scoring_bundle import untrained_notes
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.run_batch import fill_cache
from unmask.records import Clip
from unmask.training.score_frames import decision_thresholds, score_videos

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CrossOptions:
    """How data sets are scored.

    Attributes:
        frames: See :func:`unmask.training.score_frames.score_videos`.
        seed: Seed of the resampling.
        jobs: Worker processes that decode files.
    """

    frames: int = 0
    seed: int = 0
    jobs: int = 2


def evaluate_on_folders(
    bundle: Path,
    folders: Mapping[str, Path],
    cache: Cache,
    settings: EvaluationSettings,
    options: CrossOptions,
) -> CrossEvaluation:
    """Evaluate a bundle on the test clips of data sets.

    Every folder is listed before the first clip is scored. A set for testing alone that lies in the
    folder of another, such as DeepFakeDetection in that of FaceForensics++, is a data set of its
    own; see :func:`unmask.data.datasets.source_names.name_sources`. Features come from the cache
    where it has them, so an interrupted evaluation goes on at the first clip without features.
    A data set that the bundle was trained on, under this or another name, is measured and noted,
    but is no part of the mean AUC.

    Args:
        bundle: Directory of the bundle, whose weights and thresholds are not changed.
        folders: Root of each data set, by the name that the report gives it.

    Raises:
        DataError: A folder has no known layout, or none of its test clips can be opened.
        BundleError: The bundle cannot be read.
    """
    loaded = load_on_accelerator(bundle)
    scans = {
        name: scan_dataset(folder, options.seed, options.jobs, role="test")
        for name, folder in folders.items()
    }
    scored = [
        dataset
        for name, scan in scans.items()
        for dataset in _score_folder(loaded, name, scan, cache, options)
    ]
    return _evaluate(loaded, scored, settings, options)


def evaluate_unseen_sets(
    bundle: Path, clips: Sequence[Clip], cache: Cache, settings: EvaluationSettings, seed: int
) -> CrossEvaluation:
    """Evaluate a bundle on those data sets of its run that it was not trained on.

    Clips are scored as in serving. There may be no such data set, and then no result. One that the
    bundle was trained on in another run is noted, and is no part of the mean AUC.

    Args:
        clips: Clips of all splits.
    """
    loaded = load_on_accelerator(bundle)
    unseen = select_unseen_sets(clips)
    load = make_feature_loader(
        loaded.preprocessing, cache, [clip for subset in unseen.values() for clip in subset]
    )
    scored = [_score_clips(loaded, name, subset, load) for name, subset in unseen.items()]
    return _evaluate(loaded, scored, settings, CrossOptions(seed=seed))


def _evaluate(
    bundle: Bundle,
    scored: Sequence[DatasetScores],
    settings: EvaluationSettings,
    options: CrossOptions,
) -> CrossEvaluation:
    """Compute the metrics, and note which components of the bundle are not trained."""
    evaluation = evaluate_datasets(
        *(scored, settings, options.seed, bundle.sha256, options.frames),
        thresholds=decision_thresholds(bundle.calibration),
    )
    seen = tuple(
        f"the detector was trained on clips of {dataset.name} ({', '.join(bundle.data_sets)}), so "
        "it counts as no unseen data set, and cross_dataset_auc leaves it out"
        for dataset in scored
        if not dataset.is_unseen
    )
    return replace(evaluation, notes=(*seen, *untrained_notes(bundle.untrained)))


def _is_unseen(bundle: Bundle, name: str, clips: Sequence[Clip]) -> bool:
    """Return whether no data set of the bundle is called so, or is that of one of the clips."""
    trained = {NAMES.get(each, each) for each in bundle.data_sets}
    sources = {find_published_set(clip) or clip.source for clip in clips}
    return trained.isdisjoint(sources | {NAMES.get(name, name)})


def _score_folder(
    bundle: Bundle, name: str, scan: ScanResult, cache: Cache, options: CrossOptions
) -> Iterator[DatasetScores]:
    """Yield the scores of a folder, and of a set for testing alone beside the one in it."""
    settings = bundle.preprocessing
    clips, _ = separate_own_forgeries(scan.clips)
    # in worker processes, so that a crash of the decoder does not end the evaluation
    fill_cache(clips, settings, cache, options.jobs)
    load = make_feature_loader(settings, cache)
    skipped = {str(file.path): file.reason for file in scan.skipped}
    parts: dict[str, list[Clip]] = {}
    for clip, part in zip(clips, name_sources(clips, name, scan.sources), strict=True):
        parts.setdefault(part, []).append(clip)
    for number, (part, subset) in enumerate(sorted(parts.items()) or [(name, [])]):
        lost = {} if number else skipped
        yield _score_clips(bundle, part, subset, load, options.frames, lost)


def _score_clips(
    bundle: Bundle,
    name: str,
    clips: Sequence[Clip],
    load: FeatureLoader,
    frames: int = 0,
    skipped: Mapping[str, str] | None = None,
) -> DatasetScores:
    """Score the clips of a data set; ``skipped`` are files of it that cannot be opened."""
    videos, problems = score_videos(bundle, clips, load, frames)
    problems |= skipped or {}
    for clip_id, problem in problems.items():
        log.warning("%s: %s was not scored: %s", name, clip_id, problem)
    unseen = _is_unseen(bundle, name, clips)
    return DatasetScores(name, len(clips) + len(skipped or {}), videos, problems, unseen)
