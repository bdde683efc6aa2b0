"""Leave one source out: a detector for each fold, tested on sources of which it saw nothing."""

import csv
import gc
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from unmask.config import Settings
from unmask.data.skipped_clips import with_used_stream
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.data.validation.file_facts import measure_file_facts
from unmask.errors import DataError
from unmask.evaluation.held_out import HeldOutClip
from unmask.evaluation.serialization import load, save
from unmask.models.bundle import Bundle
from unmask.models.device_placement import load_on_accelerator
from unmask.preprocessing.cache import Cache
from unmask.records import Clip, ScoreRow
from unmask.training.experiments.ablation import run_key
from unmask.training.experiments.source_folds import SourceFold
from unmask.training.full_run import train_and_calibrate
from unmask.training.peers.scores import collect_scores, score_clips_by_peers
from unmask.training.score_clips import score_usable_clips, to_score_row

SCORES_FILE = "scores.json"


@dataclass(frozen=True, slots=True)
class FoldScores:
    """Scores of the tested clips of a fold.

    Attributes:
        unscored: ``clip_id`` of each tested clip without a score, to the reason.
    """

    clips: tuple[HeldOutClip, ...]
    unscored: Mapping[str, str]


def run_folds(
    folds: Sequence[SourceFold], settings: Settings, cache: Cache | None, out: Path
) -> Iterator[tuple[SourceFold, FoldScores]]:
    """Train, calibrate and test a detector per fold, and yield each fold when it is done.

    A fold that an earlier call finished with the same clips, settings and code is read.

    Args:
        out: Directory of bundles and scores; an interrupted experiment resumes there.
    """
    for number, fold in enumerate(folds):
        key = run_key((*fold.developed, *fold.tested), settings)
        folder = out / "folds" / key[:12]
        file = folder / SCORES_FILE
        if not file.is_file():
            scores = _run_fold(fold, number, settings, cache, folder)
            save(scores, folder / "unfinished.json").replace(file)
            gc.collect()  # a fold's clips refer to each other, and take gigabytes
        yield fold, load(FoldScores, file)


def _run_fold(
    fold: SourceFold, number: int, settings: Settings, cache: Cache | None, folder: Path
) -> FoldScores:
    bundle, work = folder / "bundle", folder / "work"
    if not bundle.is_dir():
        train_and_calibrate(fold.developed, settings, cache, work, bundle)
    for folder_of_training in (work, bundle.with_name("bundle-uncalibrated")):
        shutil.rmtree(folder_of_training, ignore_errors=True)  # the bundle holds all that is used
    return _score_fold(load_on_accelerator(bundle), fold, number, cache)


def _score_fold(bundle: Bundle, fold: SourceFold, number: int, cache: Cache | None) -> FoldScores:
    clips = with_used_stream(fold.tested, bundle.settings.modalities)
    features = make_feature_loader(bundle.preprocessing, cache, clips)
    scored, problems = score_usable_clips(bundle, clips, features)
    unused = {clip.clip_id for clip in fold.tested} - {clip.clip_id for clip in clips}
    problems |= dict.fromkeys(sorted(unused), "the detector uses no stream of the file")
    rows = [(result.clip, to_score_row(result, bundle)) for result in scored]
    return FoldScores(
        tuple(_held_out_clip(bundle, clip, row, number) for clip, row in rows), problems
    )


def _held_out_clip(bundle: Bundle, clip: Clip, row: ScoreRow, number: int) -> HeldOutClip:
    calibration = bundle.calibration.for_clip(row.sync_probability)
    return HeldOutClip(
        row=row,
        fold=number,
        generator=clip.generator,
        called_fake=row.probability > calibration.fake_above,
        called_real=row.probability < calibration.real_below,
        facts=measure_file_facts(clip),
    )


def pool_folds(folds: Sequence[FoldScores]) -> FoldScores:
    """Return the scores of all folds.

    Raises:
        DataError: No clip could be scored.
    """
    pooled = FoldScores(
        tuple(clip for fold in folds for clip in fold.clips),
        {name: reason for fold in folds for name, reason in fold.unscored.items()},
    )
    if not pooled.clips:
        raise DataError(f"none of {len(pooled.unscored)} clips could be scored; see the warnings")
    return pooled


def add_peers(
    pooled: FoldScores,
    folds: Sequence[SourceFold],
    names: Sequence[str],
    settings: Settings,
    cache: Cache | None,
) -> FoldScores:
    """Return the scored clips with their scores by published detectors.

    Args:
        names: Networks of the registry; without any, nothing changes.

    Raises:
        WeightsError: A detector cannot be had.
    """
    if not names:
        return pooled
    scored = {clip.row.clip_id for clip in pooled.clips}
    clips = [clip for fold in folds for clip in fold.tested if clip.clip_id in scored]
    results = score_clips_by_peers(clips, names, settings.preprocessing, cache)
    scores_by_clip = collect_scores(tuple(results), names).scores
    return replace(
        pooled,
        clips=tuple(replace(clip, peers=scores_by_clip[clip.row.clip_id]) for clip in pooled.clips),
    )


def write_held_out(clips: Sequence[HeldOutClip], path: Path) -> Path:
    """Write scores and facts as a CSV table with one line per clip."""
    peers = dict.fromkeys(name for clip in clips for name in clip.peers)
    rows = [
        {
            **asdict(clip.row),
            "fold": clip.fold,
            "generator": clip.generator,
            "called_fake": clip.called_fake,
            **asdict(clip.facts),
            **{name: clip.peers.get(name, "") for name in peers},
        }
        for clip in clips
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def report_notes(folds: Sequence[SourceFold], overrides: Sequence[str]) -> tuple[str, ...]:
    """Return what a reader of the report has to know."""
    tested = [clip for fold in folds for clip in fold.tested]
    people, sources = ({getattr(clip, key) for clip in tested} for key in ("identity", "source"))
    fixed = f" Every detector with {' '.join(overrides)}." if overrides else ""
    withheld = ", ".join(str(fold.withheld) for fold in folds)
    return (
        f"{len(tested)} clips of {len(people)} people and {len(sources)} sources, in {len(folds)} "
        "folds. The detector of a fold was trained and calibrated without the tested sources, "
        "their people and their generators; clips of other sources left out for that, by fold: "
        f"{withheld}.{fixed}",
        "Scores are calibrated by fold and then pooled. Each family of fakes is compared with all "
        "genuine clips. Facts alone: a logistic regression on resolution, frame rate, duration, "
        "bit rate, sample rate and container, fitted without the folds of the two clips that it "
        "compares. At equal facts: each fake is compared with the genuine clips of about the same "
        "propensity score; the last column is the AUC of the fact that differs most among these "
        "pairs, 0.5 where all are equal.",
    )
