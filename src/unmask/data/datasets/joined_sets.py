"""Several data sets read as one, with the sources that they name themselves."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unmask.data.datasets.ingest import log_skipped, scan_dataset
from unmask.data.manifest import read_manifest
from unmask.data.splits import FRACTIONS, GROUP_KEYS, assign_splits, separate_development
from unmask.errors import DataError
from unmask.records import Clip

MANIFEST_STEM = "manifest"


def read_joined_sets(paths: Sequence[Path], seed: int = 0, jobs: int = 2) -> tuple[Clip, ...]:
    """Return the clips of development of manifests and folders.

    Unlike :func:`unmask.data.datasets.several.scan_sources` it keeps sources and people as the sets
    name them: a name that occurs in two sets is one source, or one person.

    Args:
        paths: Manifests, or folders in any layout that ingestion knows.
        seed: Seed of the splits of a folder that names none.
        jobs: Worker processes that read the files of a folder.

    Returns:
        Clips with unique ids, which have the name of their set in front where there are several.

    Raises:
        DataError: A set cannot be read or is given twice, or two have one name.
    """
    places = [path.resolve() for path in paths]
    if twice := [place for place, count in Counter(places).items() if count > 1]:
        raise DataError(f"{twice[0]}: is given twice; give each data set once")
    names = [_name(path) for path in paths]
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"two data sets are called {repeated[0]}; rename the folder of one of them")
    clips: list[Clip] = []
    for name, path in zip(names, paths, strict=True):
        prefix = f"{name}__" if len(paths) > 1 else ""
        clips += [replace(clip, clip_id=prefix + clip.clip_id) for clip in _read(path, seed, jobs)]
    return tuple(clips)


def join_sets(paths: Sequence[Path], seed: int = 0, jobs: int = 2) -> tuple[Clip, ...]:
    """Return the clips of :func:`read_joined_sets` with splits of their own.

    No source, person, footage or file is in two splits; the splits that the sets state have no
    effect.

    Raises:
        DataError: As for :func:`read_joined_sets`, and if a set has official test clips.
    """
    clips = read_joined_sets(paths, seed, jobs)
    if official := [clip for clip in clips if clip.official_split and clip.split == "test"]:
        raise DataError(
            f"{len(official)} clips ({', '.join(sorted({clip.source for clip in official}))}) are "
            "official test clips, which joining would put into other splits; keep the data sets "
            "apart and give each as --data NAME=FOLDER"
        )
    undecided = [replace(clip, official_split=False) for clip in clips]
    return assign_splits(undecided, FRACTIONS, seed, (*GROUP_KEYS, "source"))


def _name(path: Path) -> str:
    """Return the name of a folder, or of a manifest; one called manifest has its folder's."""
    if path.is_file() and path.stem != MANIFEST_STEM:
        return path.stem
    return (path.parent if path.is_file() else path).resolve().name


def _read(path: Path, seed: int, jobs: int) -> tuple[Clip, ...]:
    if path.is_file():
        return read_manifest(path)
    scan = scan_dataset(path, seed, jobs)
    log_skipped(scan, path)
    clips, _, _ = separate_development(scan.clips)
    return clips
