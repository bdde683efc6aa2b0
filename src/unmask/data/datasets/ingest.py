"""Ingestion of a data set folder: detect the layout, list and probe the files, assign splits."""

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from unmask.data.datasets import (
    asvspoof,
    avdeepfake1m,
    avlips,
    celebdf,
    csv_table,
    deepfake_eval_2024,
    deepspeak,
    df40,
    dfdc,
    dfdc_preview,
    faceforensics,
    fakeavceleb,
    ffiw,
    in_the_wild,
    kodf,
    lavdf,
    mlaad,
    real_fake_folders,
    wavefake,
    wilddeepfake,
)
from unmask.data.datasets.copies import leave_out_copies
from unmask.data.datasets.entry import DatasetAdapter, DatasetEntry
from unmask.data.datasets.roles import (
    ROLES,
    check_official_test,
    check_splits,
    check_stated_test,
    complete_splits,
    leave_out_tuning,
    open_train,
    select_for_role,
    settle_role,
    warn_of_changes,
    warn_of_leaks,
)
from unmask.data.manifest import COLUMNS, FILE_NAMES, find_manifest, read_all_clips, read_table
from unmask.data.protocols import audio_sets as audio
from unmask.data.protocols import video_sets as video
from unmask.data.protocols.protocol import Protocol
from unmask.data.protocols.registry import PROTOCOLS, describe
from unmask.data.splits import Leak
from unmask.errors import DataError, describe_problem
from unmask.preprocessing.media.picture_clips import PictureFolder, join_pictures
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.media.suffixes import count_unknown, describe_unknown
from unmask.preprocessing.parallel import run_parallel
from unmask.records import SEALED, SPLITS, Clip, MediaInfo

ADAPTERS: dict[str, DatasetAdapter] = {
    "a manifest.csv with the columns file and label": csv_table,
    describe(video.FFPP, video.DFD): faceforensics,
    describe(video.CELEB_DF_V2, video.CELEB_DF_PP): celebdf,
    describe(video.FAKEAVCELEB): fakeavceleb,
    describe(video.LAV_DF): lavdf,
    describe(video.AV_DEEPFAKE1M, video.AV_DEEPFAKE1M_PP): avdeepfake1m,
    describe(video.DFDC_PREVIEW): dfdc_preview,
    describe(video.DFDC): dfdc,
    describe(video.FFIW): ffiw,
    describe(video.KODF): kodf,
    describe(video.AVLIPS): avlips,
    describe(video.DEEPSPEAK): deepspeak,
    describe(video.DEEPFAKE_EVAL_2024): deepfake_eval_2024,
    describe(video.WILD_DEEPFAKE): wilddeepfake,
    describe(video.DF40): df40,
    describe(audio.ASVSPOOF_2019_LA, audio.ASVSPOOF_2021_LA, audio.ASVSPOOF_2021_DF): asvspoof,
    describe(audio.ASVSPOOF_5): asvspoof,
    describe(audio.IN_THE_WILD): in_the_wild,
    describe(audio.WAVEFAKE): wavefake,
    describe(audio.MLAAD): mlaad,
    "real/ and fake/": real_fake_folders,
}

log = logging.getLogger(__name__)
MANIFEST_COLUMN = "clip_id"  # only a manifest has it; a simple table does not
# where a data set is searched for in a folder that has no known layout
INNER_LEVELS, INNER_FOLDERS = 3, 200  # folders of each level


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that could not be read, and the reason."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The clips of a data set and the files that were skipped.

    Attributes:
        unknown: Number of files below the folder that are neither media nor text, by suffix.
        leaks: People, footage and files that stand in several splits; see ``Leak.official``.
        sources: All that the folder names, also of clips that the role leaves out.
    """

    clips: tuple[Clip, ...]
    skipped: tuple[SkippedFile, ...] = ()
    unknown: Mapping[str, int] = field(default_factory=dict)
    leaks: tuple[Leak, ...] = ()
    sources: frozenset[str] = frozenset()


def load_dataset(
    folder: Path | str, seed: int = 0, jobs: int = 2, role: str = "both"
) -> tuple[Clip, ...]:
    """Return the clips of a data set; log the files that cannot be read.

    Arguments and errors are those of :func:`scan_dataset`.
    """
    result = scan_dataset(folder, seed, jobs, role)
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


def scan_dataset(
    folder: Path | str,
    seed: int = 0,
    jobs: int = 2,
    role: str = "both",
    sealed_share: float = 0.0,
) -> ScanResult:
    """Convert a data set to clips.

    If the folder has a manifest, its clips are returned as they are, but for the splits that the
    role changes, of which a warning tells. Otherwise every file is probed
    for duration, size and hash; a clip that the authors publish as pictures is made first, see
    :mod:`unmask.preprocessing.media.picture_clips`. The authors' splits are kept, and the clips
    without one are dealt among the splits that they leave open
    (:mod:`unmask.data.datasets.roles`). Of copies of a file one is kept, see
    :func:`unmask.data.datasets.copies.leave_out_copies`. A warning tells of people that stand in
    several splits. A simple table that names a split for every clip may use fewer than three.

    Args:
        folder: Root of the data set.
        seed: Seed of the splits that are dealt here.
        jobs: Worker processes; 1 probes in this process, which a crash ends.
        role: ``train`` leaves the authors' test clips out; ``test`` leaves all others out, or makes
            every clip a test clip where the authors publish no test split; ``sealed`` seals the
            clips that ``test`` would keep; ``both`` keeps all, or means ``test`` where the
            protocol says that the set is for testing.
        sealed_share: See :func:`unmask.data.datasets.roles.complete_splits`.

    Raises:
        DataError: The layout or the role is unknown, the metadata are invalid, no file can be
            read, the role needs official test clips and there are none, copies of a file have
            contradicting labels, or the clips show too few people for the splits of the role.
    """
    root = Path(folder).absolute()
    if _has_manifest(root):
        return _scan_manifest(root, seed, role)
    adapter = _find_adapter(root)
    listed = list(adapter.iter_entries(root))
    protocols = _protocols(adapter, listed)
    role = settle_role(role, protocols, root, any(entry.split != "test" for entry in listed))
    entries = leave_out_tuning(select_for_role(listed, role, root), role, protocols)
    check_official_test(listed, role, protocols, root)
    calls = [(entry.path, entry.pictures) for entry in entries]
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
    is_published = adapter is not csv_table
    splits = [entry.split for entry, _ in pairs]
    splits = open_train(splits) if is_published else splits
    clips = complete_splits(
        [_to_clip(entry, info, root, is_published) for entry, info in pairs],
        splits,
        role,
        seed,
        sealed_share,
        any(protocol.official_test for protocol in protocols),
    )
    clips = leave_out_copies(clips, root)
    if is_published or not all(splits):  # the author of a table may want fewer than three splits
        sealing = sealed_share > 0 and role == "both" and not any(splits)
        needed = (*SPLITS, SEALED) if sealing else ROLES[role]
        check_splits(clips, needed, root, [file.reason for file in skipped])
    facts = _count_unknown(root, listed), warn_of_leaks(clips, root)
    return ScanResult(clips, skipped, *facts, frozenset(entry.source for entry in listed))


def _scan_manifest(root: Path, seed: int, role: str) -> ScanResult:
    every = read_all_clips(root)
    rows = select_for_role(every, role, root)
    check_stated_test(rows, role, root)
    clips = complete_splits(rows, [row.split for row in rows], role, seed)
    warn_of_changes(rows, clips, role, root)
    leaks = warn_of_leaks(clips, root)
    return ScanResult(clips, leaks=leaks, sources=frozenset(row.source for row in every))


def _has_manifest(root: Path) -> bool:
    if not any((root / name).is_file() for name in FILE_NAMES):
        return False
    # one column decides, so that a manifest without another column is reported as incomplete
    return MANIFEST_COLUMN in read_table(find_manifest(root))[0]


def _find_adapter(root: Path) -> DatasetAdapter:
    if not root.is_dir():
        raise DataError(f"{root}: not a folder; pass the root of a data set")
    problems: list[DataError] = []
    for adapter in ADAPTERS.values():
        try:
            if adapter.matches(root):
                for problem in problems:
                    log.warning("%s", problem)
                return adapter
        except DataError as problem:  # metadata that may belong to another layout
            problems.append(problem)
    if problems:
        raise problems[0]
    supported = "; ".join([f"a manifest with {COLUMNS[0]}, {COLUMNS[1]}, …", *ADAPTERS])
    inner = _find_inner(root)
    hint = f"a data set seems to be in {inner}, pass that folder; " if inner else ""
    raise DataError(f"{root}: unknown data set layout; {hint}use one of: {supported}")


def _find_inner(root: Path) -> Path | None:
    """Return the first folder below ``root``, at most ``INNER_LEVELS`` deep, of a known layout."""
    level = [root]
    for _ in range(INNER_LEVELS):
        level = [path for folder in level for path in _list_folders(folder)][:INNER_FOLDERS]
        for folder in filter(_has_layout, level):
            return folder
    return None


def _list_folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except PermissionError:
        return []


def _has_layout(folder: Path) -> bool:
    try:
        return _has_manifest(folder) or any(a.matches(folder) for a in ADAPTERS.values())
    except (DataError, PermissionError):  # what is wrong with it is told when it is passed
        return False


def _protocols(adapter: DatasetAdapter, entries: Sequence[DatasetEntry]) -> list[Protocol]:
    """Return the protocols of published sets; the sources of own data are names of any kind."""
    if adapter in (csv_table, real_fake_folders):
        return []
    return [PROTOCOLS[source] for source in sorted({entry.source for entry in entries})]


def _count_unknown(root: Path, entries: Sequence[DatasetEntry]) -> Counter[str]:
    """Count the files of unknown kind but for the listed pictures."""
    names = (name for entry in entries if entry.pictures for name in entry.pictures.names)
    return count_unknown(root) - Counter(Path(name).suffix.lower() for name in names)


def _probe_or_skip(path: Path, pictures: PictureFolder | None) -> MediaInfo | SkippedFile:
    try:
        if pictures is not None:
            join_pictures(pictures, path)
        return probe(path)
    except Exception as error:  # a bug that one file triggers must not end the ingestion
        return SkippedFile(path, describe_problem(path, error))


def _report_crash(path: Path, _pictures: PictureFolder | None) -> SkippedFile:
    message = f"{path}: opening it crashed a worker process; export the file again"
    return SkippedFile(path, message)


def _to_clip(entry: DatasetEntry, info: MediaInfo, root: Path, is_published: bool) -> Clip:
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
        official_split=is_published and entry.split is not None,
        from_pictures=entry.pictures is not None,
        generator=entry.generator,
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
