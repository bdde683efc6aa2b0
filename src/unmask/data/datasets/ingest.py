"""Ingestion of a data set folder: detect the layout, list and probe the files, assign splits."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

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
from unmask.data.splits import FRACTIONS, assign_splits, connected_groups, find_leaks
from unmask.errors import DataError, describe_problem
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.media.suffixes import count_unknown, describe_unknown
from unmask.preprocessing.parallel import run_parallel
from unmask.records import SPLITS, Clip, MediaInfo

ADAPTERS: dict[str, DatasetAdapter] = {
    "a manifest.csv with the columns file and label": csv_table,
    "FaceForensics++ (original_sequences/, manipulated_sequences/)": faceforensics,
    "Celeb-DF v2, Celeb-DF++ (Celeb-real/, Celeb-synthesis/)": celebdf,
    "FakeAVCeleb (meta_data.csv)": fakeavceleb,
    "LAV-DF (metadata.json, a list)": lavdf,
    "AV-Deepfake1M, AV-Deepfake1M++ (train_metadata.json)": avdeepfake1m,
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
    """The clips of a data set and the files that were skipped.

    Attributes:
        unknown: Number of files below the folder that are no media, by suffix.
    """

    clips: tuple[Clip, ...]
    skipped: tuple[SkippedFile, ...] = ()
    unknown: Mapping[str, int] = field(default_factory=dict)


def load_dataset(folder: Path | str, seed: int = 0, jobs: int = 2) -> tuple[Clip, ...]:
    """Return the clips of a data set; log the files that cannot be read.

    Arguments and errors are those of :func:`scan_dataset`.
    """
    result = scan_dataset(folder, seed, jobs)
    log_skipped(result, folder)
    return result.clips


def log_skipped(result: ScanResult, folder: Path | str) -> None:
    """Log each file that was skipped, and how many of them and of unknown kinds there are."""
    for skipped in result.skipped:
        log.warning("skipped: %s", skipped.reason)
    if result.unknown:
        log.warning("%s: %s", folder, describe_unknown(result.unknown))
    if result.skipped:
        total = len(result.skipped) + len(result.clips)
        log.warning("%s: skipped %d of %d files", folder, len(result.skipped), total)


def scan_dataset(folder: Path | str, seed: int = 0, jobs: int = 2) -> ScanResult:
    """Convert a data set to clips.

    If the folder has a manifest, its clips are returned unchanged. Otherwise every file is probed
    for duration, size and hash. The authors' splits are kept if they cover train, val and test
    without data leakage; otherwise all splits are assigned by
    :func:`~unmask.data.splits.assign_splits`. A simple table that names a split for every clip may
    use fewer than three.

    Args:
        folder: Root of the data set.
        seed: Seed of the splits that are assigned here.
        jobs: Worker processes; 1 probes in this process, which a crash ends.

    Raises:
        DataError: The layout is unknown, the metadata are invalid, no file can be read, or the
            clips show too few people for three splits.
    """
    root = Path(folder).absolute()
    if _has_manifest(root):
        return ScanResult(read_manifest(root))
    adapter = _find_adapter(root)
    entries = list(adapter.iter_entries(root))
    calls = [(entry.path,) for entry in entries]
    results = list(run_parallel(_probe_or_skip, calls, jobs, "probing", _report_crash))
    skipped = tuple(result for result in results if isinstance(result, SkippedFile))
    pairs = [
        (entry, info)
        for entry, info in zip(entries, results, strict=True)
        if isinstance(info, MediaInfo)
    ]
    if not pairs:
        first = f"; first error: {skipped[0].reason}" if skipped else "; check the data set's files"
        raise DataError(f"{root}: none of {len(entries)} listed files can be read{first}")
    clips = [_to_clip(entry, info, root) for entry, info in pairs]
    splits = [entry.split for entry, _ in pairs]
    if adapter is csv_table and all(splits) and not find_leaks(clips):
        completed = tuple(clips)  # its author may want fewer than three splits
    else:
        completed = _complete_splits(clips, splits, root, seed)
        _check_splits(completed, root)
    return ScanResult(completed, skipped, count_unknown(root))


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
    except Exception as error:  # a bug that one file triggers must not end the ingestion
        return SkippedFile(path, describe_problem(path, error))


def _report_crash(path: Path) -> SkippedFile:
    message = f"{path}: opening it crashed a worker process; export the file again"
    return SkippedFile(path, message)


def _to_clip(entry: DatasetEntry, info: MediaInfo, root: Path) -> Clip:
    fake_video, fake_audio = _labels(entry, info)
    return Clip(
        clip_id=Path(os.path.relpath(entry.path, root)).as_posix().replace("/", "__"),
        path=entry.path,
        sha256=info.sha256,
        source=entry.source,
        identity=entry.identity,
        split=entry.split or SPLITS[0],
        is_fake=entry.is_fake,
        fake_video=fake_video,
        fake_audio=fake_audio,
        manipulation=entry.manipulation,
        pair_id=entry.pair_id,
        duration_s=info.duration_s,
        fps=info.fps,
        width=info.width,
        height=info.height,
        has_audio=info.has_audio,
        licence=entry.licence,
        fake_periods=entry.fake_periods,
        mismatched=entry.mismatched,
        compression=entry.compression,
    )


def _labels(entry: DatasetEntry, info: MediaInfo) -> tuple[bool | None, bool | None]:
    """Return the labels of face and voice; of a fake with one of them, that one is forged."""
    if None not in (entry.fake_video, entry.fake_audio) or entry.mismatched:
        return entry.fake_video, entry.fake_audio
    if info.has_video and info.has_audio:
        if entry.fake_video is False:
            return False, True
        return (True, False) if entry.fake_audio is False else (entry.fake_video, entry.fake_audio)
    return info.has_video, not info.has_video


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


def _check_splits(clips: Sequence[Clip], root: Path) -> None:
    """Raise :class:`DataError` if a split is empty."""
    if empty := [name for name in SPLITS if name not in {clip.split for clip in clips}]:
        raise DataError(
            f"{root}: nothing is in split {' and '.join(empty)}: {len(clips)} clips of "
            f"{len(connected_groups(clips))} groups that share a person or footage cannot fill "
            f"{', '.join(SPLITS)}; add clips of other people, name the people (real/PERSON/ or "
            "column person_id), or give every clip a split of your own in a manifest.csv"
        )


def _split_problem(clips: Sequence[Clip]) -> str:
    """Return why these splits cannot be used; empty if they can."""
    if missing := set(SPLITS) - {clip.split for clip in clips}:
        return f"nothing in {', '.join(sorted(missing))}"
    leaks = find_leaks(clips)
    return f"data leakage in {len(leaks)} groups, first: {leaks[0]}" if leaks else ""
