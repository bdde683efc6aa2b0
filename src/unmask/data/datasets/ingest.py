"""Any data set's folder to clips: recognise it, list it, look at every file, split it."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

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
from unmask.data.datasets.entry import DatasetEntry
from unmask.data.manifest import COLUMNS, FILE_NAMES, find_manifest, read_manifest, read_table
from unmask.data.splits import FRACTIONS, assign_splits, find_leaks
from unmask.errors import DataError, MediaError
from unmask.preprocessing.media.decode import probe
from unmask.records import SPLITS, Clip, MediaInfo

ADAPTERS: dict[str, ModuleType] = {
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


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A listed file that could not be read, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class ScanResult:
    """A data set as clips, and what had to be left out."""

    clips: tuple[Clip, ...]
    skipped: tuple[SkippedFile, ...] = ()


def load_dataset(folder: Path | str, seed: int = 0, jobs: int = 2) -> tuple[Clip, ...]:
    """The clips of a data set; files that cannot be read are logged and left out.

    Arguments and errors as in :func:`read_source`.
    """
    found = scan_dataset(folder, seed, jobs)
    for skipped in found.skipped:
        log.warning("left out: %s", skipped.reason)
    if found.skipped:
        listed = len(found.skipped) + len(found.clips)
        log.warning("%s: left out %d of %d files", folder, len(found.skipped), listed)
    return found.clips


def scan_dataset(folder: Path | str, seed: int = 0, jobs: int = 2) -> ScanResult:
    """Bring a data set to the project's own form.

    A folder with a canonical manifest is taken as it is. Otherwise every file is opened for
    its length, size and hash. Splits are the authors' own where they cover train, val and
    test without sharing a person, and are assigned anew otherwise.

    Args:
        folder: The data set's root.
        seed: For splits that are assigned here.
        jobs: Files opened at once.

    Raises:
        DataError: Nothing known is in the folder, its metadata is broken, or none of its
            files can be read.
    """
    root = Path(folder).absolute()
    if _is_canonical(root):
        return ScanResult(read_manifest(root))
    listed = list(_adapter(root).listing(root))
    looked = Parallel(n_jobs=jobs, prefer="threads")(
        delayed(_probe_or_skip)(row.path) for row in listed
    )
    skipped = tuple(found for found in looked if isinstance(found, SkippedFile))
    pairs = [
        (row, info) for row, info in zip(listed, looked, strict=True) if isinstance(info, MediaInfo)
    ]
    if not pairs:
        first = f"; the first: {skipped[0].reason}" if skipped else ""
        raise DataError(f"{root}: none of {len(listed)} listed files can be read{first}")
    clips = [_clip(row, info, root) for row, info in pairs]
    return ScanResult(_split(clips, [row.split for row, _ in pairs], root, seed), skipped)


def _is_canonical(root: Path) -> bool:
    if not any((root / name).is_file() for name in FILE_NAMES):
        return False
    # "clip_id" marks the intent, so that a missing column is named and not taken for a table
    return "clip_id" in read_table(find_manifest(root))[0]


def _adapter(root: Path) -> ModuleType:
    if not root.is_dir():
        raise DataError(f"{root}: is no folder; name a data set's root")
    for module in ADAPTERS.values():
        if module.recognises(root):
            return module
    known = "; ".join([f"a manifest with {COLUMNS[0]}, {COLUMNS[1]}, …", *ADAPTERS])
    raise DataError(f"{root}: is no data set that is known here; known are: {known}")


def _probe_or_skip(path: Path) -> MediaInfo | SkippedFile:
    try:
        return probe(path)
    except MediaError as error:
        return SkippedFile(path, str(error))


def _clip(row: DatasetEntry, info: MediaInfo, root: Path) -> Clip:
    return Clip(
        clip_id=Path(os.path.relpath(row.path, root)).as_posix().replace("/", "__"),
        path=row.path,
        sha256=info.sha256,
        source=row.source,
        identity=row.identity,
        split=row.split or SPLITS[0],
        is_fake=row.fake_video or row.fake_audio,
        fake_video=row.fake_video,
        fake_audio=row.fake_audio,
        manipulation=row.manipulation,
        pair_id=row.pair_id,
        duration_s=info.duration_s,
        fps=info.fps,
        width=info.width,
        height=info.height,
        has_audio=info.has_audio,
        licence=row.licence,
        fake_periods=row.fake_periods,
    )


def _split(
    clips: Sequence[Clip], official: Sequence[str | None], root: Path, seed: int
) -> tuple[Clip, ...]:
    if not any(official):
        return assign_splits(clips, seed=seed)
    said = {clip.clip_id: split for clip, split in zip(clips, official, strict=True)}
    covered = {split for split in official if split}
    free = {name: share for name, share in FRACTIONS.items() if name not in covered} or FRACTIONS
    shares = {name: share / sum(free.values()) for name, share in free.items()}
    rest = [clip for clip in clips if said[clip.clip_id] is None]
    assigned = {clip.clip_id: clip.split for clip in assign_splits(rest, shares, seed)}
    dealt = tuple(
        replace(clip, split=said[clip.clip_id] or assigned[clip.clip_id]) for clip in clips
    )
    if reason := _split_problem(dealt):
        log.warning("%s: the authors' splits are not used (%s); assigned anew", root, reason)
        return assign_splits(clips, seed=seed)
    return dealt


def _split_problem(clips: Sequence[Clip]) -> str:
    """Why these splits cannot be used, in words; empty if they can."""
    if missing := set(SPLITS) - {clip.split for clip in clips}:
        return f"nothing in {', '.join(sorted(missing))}"
    leaks = find_leaks(clips)
    return f"{len(leaks)} shared, first: {leaks[0]}" if leaks else ""
