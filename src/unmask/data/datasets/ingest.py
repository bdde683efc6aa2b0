"""Ingestion of a data set folder: detect the layout, list and probe the files, assign splits."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from joblib import Parallel, delayed

from unmask.data.datasets import (
    avdeepfake1m,
    celebdf,
    csv_table,
    dfdc,
    faceforensics,
    fakeavceleb,
    lavdf,
    real_fake_folders,
)
from unmask.data.datasets.entry import DatasetAdapter, DatasetEntry
from unmask.data.manifest import COLUMNS, FILE_NAMES, find_manifest, read_manifest, read_table
from unmask.data.splits import FRACTIONS, assign_splits, find_leaks
from unmask.errors import DataError, MediaError
from unmask.preprocessing.media.probe import probe
from unmask.records import SPLITS, Clip, MediaInfo

ADAPTERS: dict[str, DatasetAdapter] = {
    "a manifest.csv with the columns file and label": csv_table,
    "FaceForensics++ (original_sequences/, manipulated_sequences/)": faceforensics,
    "Celeb-DF v2 (Celeb-real/, Celeb-synthesis/)": celebdf,
    "FakeAVCeleb (meta_data.csv)": fakeavceleb,
    "LAV-DF (metadata.json, a list)": lavdf,
    "AV-Deepfake1M (train_metadata.json)": avdeepfake1m,
    "DFDC (metadata.json, by file name)": dfdc,
    "real/ and fake/": real_fake_folders,
}

log = logging.getLogger(__name__)
MANIFEST_COLUMN = "clip_id"  # only a manifest has it; a simple table does not


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that could not be read, and the reason."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The clips of a data set and the files that were skipped."""

    clips: tuple[Clip, ...]
    skipped: tuple[SkippedFile, ...] = ()


def load_dataset(folder: Path | str, seed: int = 0, jobs: int = 2) -> tuple[Clip, ...]:
    """Return the clips of a data set; log the files that cannot be read.

    Arguments and errors are those of :func:`scan_dataset`.
    """
    result = scan_dataset(folder, seed, jobs)
    for skipped in result.skipped:
        log.warning("skipped: %s", skipped.reason)
    if result.skipped:
        total = len(result.skipped) + len(result.clips)
        log.warning("%s: skipped %d of %d files", folder, len(result.skipped), total)
    return result.clips


def scan_dataset(folder: Path | str, seed: int = 0, jobs: int = 2) -> ScanResult:
    """Convert a data set to clips.

    If the folder has a manifest, its clips are returned unchanged. Otherwise every file is probed
    for duration, size and hash. The authors' splits are kept if they cover train, val and test
    without data leakage; otherwise all splits are assigned by
    :func:`~unmask.data.splits.assign_splits`.

    Args:
        folder: Root of the data set.
        seed: Seed of the splits that are assigned here.
        jobs: Files probed in parallel.

    Raises:
        DataError: The layout is unknown, the metadata are invalid, or no file can be read.
    """
    root = Path(folder).absolute()
    if _has_manifest(root):
        return ScanResult(read_manifest(root))
    entries = list(_find_adapter(root).iter_entries(root))
    probed = Parallel(n_jobs=jobs, prefer="threads")(
        delayed(_probe_or_skip)(entry.path) for entry in entries
    )
    skipped = tuple(result for result in probed if isinstance(result, SkippedFile))
    pairs = [
        (entry, info)
        for entry, info in zip(entries, probed, strict=True)
        if isinstance(info, MediaInfo)
    ]
    if not pairs:
        first = f"; first error: {skipped[0].reason}" if skipped else "; check the data set's files"
        raise DataError(f"{root}: none of {len(entries)} listed files can be read{first}")
    clips = [_to_clip(entry, info, root) for entry, info in pairs]
    splits = [entry.split for entry, _ in pairs]
    return ScanResult(_complete_splits(clips, splits, root, seed), skipped)


def _has_manifest(root: Path) -> bool:
    if not any((root / name).is_file() for name in FILE_NAMES):
        return False
    # one column decides, so that a manifest without another column is reported as incomplete
    return MANIFEST_COLUMN in read_table(find_manifest(root))[0]


def _find_adapter(root: Path) -> DatasetAdapter:
    if not root.is_dir():
        raise DataError(f"{root}: not a folder; pass the root of a data set")
    for adapter in ADAPTERS.values():
        if adapter.matches(root):
            return adapter
    supported = "; ".join([f"a manifest with {COLUMNS[0]}, {COLUMNS[1]}, …", *ADAPTERS])
    raise DataError(f"{root}: unknown data set layout; use one of: {supported}")


def _probe_or_skip(path: Path) -> MediaInfo | SkippedFile:
    try:
        return probe(path)
    except MediaError as error:
        return SkippedFile(path, str(error))


def _to_clip(entry: DatasetEntry, info: MediaInfo, root: Path) -> Clip:
    return Clip(
        clip_id=Path(os.path.relpath(entry.path, root)).as_posix().replace("/", "__"),
        path=entry.path,
        sha256=info.sha256,
        source=entry.source,
        identity=entry.identity,
        split=entry.split or SPLITS[0],
        is_fake=entry.fake_video or entry.fake_audio,
        fake_video=entry.fake_video,
        fake_audio=entry.fake_audio,
        manipulation=entry.manipulation,
        pair_id=entry.pair_id,
        duration_s=info.duration_s,
        fps=info.fps,
        width=info.width,
        height=info.height,
        has_audio=info.has_audio,
        licence=entry.licence,
        fake_periods=entry.fake_periods,
    )


def _complete_splits(
    clips: Sequence[Clip], official: Sequence[str | None], root: Path, seed: int
) -> tuple[Clip, ...]:
    """Keep the authors' splits where they are usable and assign the missing ones."""
    if not any(official):
        return assign_splits(clips, seed=seed)
    official_of = {clip.clip_id: split for clip, split in zip(clips, official, strict=True)}
    covered = {split for split in official if split}
    open_splits = {name: share for name, share in FRACTIONS.items() if name not in covered}
    shares = open_splits or FRACTIONS
    fractions = {name: share / sum(shares.values()) for name, share in shares.items()}
    remaining = [clip for clip in clips if official_of[clip.clip_id] is None]
    assigned = {clip.clip_id: clip.split for clip in assign_splits(remaining, fractions, seed)}
    completed = tuple(
        replace(clip, split=official_of[clip.clip_id] or assigned[clip.clip_id]) for clip in clips
    )
    if problem := _split_problem(completed):
        log.warning("%s: authors' splits ignored (%s); all splits are reassigned", root, problem)
        return assign_splits(clips, seed=seed)
    return completed


def _split_problem(clips: Sequence[Clip]) -> str:
    """Return why these splits cannot be used; empty if they can."""
    if missing := set(SPLITS) - {clip.split for clip in clips}:
        return f"nothing in {', '.join(sorted(missing))}"
    leaks = find_leaks(clips)
    return f"data leakage in {len(leaks)} groups, first: {leaks[0]}" if leaks else ""
