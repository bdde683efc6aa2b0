"""The data set that is pinned with DVC: pull, verification and version."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dvc.exceptions import DvcException
from dvc.repo import Repo

from steps.platforms.paths import CACHE, DVC_FILE, FORGED, RAW
from unmask import messages
from unmask.config import DataSettings, Settings
from unmask.data.datasets.several import parse_data_source, scan_sources
from unmask.data.forgeries.offline import generate_forgeries
from unmask.data.manifest import content_hash, manifest_hash, read_all_clips
from unmask.data.skipped_clips import check_share
from unmask.data.splits import separate_development
from unmask.errors import DataError
from unmask.records import SEALED, Clip
from unmask.training.preflight import check_disk
from unmask.training.sample_plan import describe_too_few


class RunClips(NamedTuple):
    """What a run reads.

    Attributes:
        clips: Clips of train, val and test.
        version: Names them and the sealed ones, which are not among them (:func:`sealed_version`).
        unreadable: Files that cannot be read, with their reasons.
        own_forgeries: This project's pseudo-fakes of val and test with their controls, which are
            reported by themselves.
    """

    clips: tuple[Clip, ...]
    version: str
    unreadable: dict[str, str]
    own_forgeries: tuple[Clip, ...]


def load_clips(
    data: Sequence[str], seed: int, settings: DataSettings, run: Settings | None = None
) -> RunClips:
    """Return the clips of a run.

    Args:
        data: Data sets, see :func:`unmask.data.datasets.several.parse_data_source`; the pinned
            set if empty.
        seed: For the assignment of splits and for pseudo-fakes.
        settings: Whether to synthesise pseudo-fakes from the genuine clips of ``data``, those of
            train (``forge``) and those of val and test (``forge_held_out``), and which share of
            the clips to seal.
        run: What the clips are for: where they are too few for what it promises, a message says so
            before any is forged.

    Raises:
        ConfigError: A data set is named wrongly.
        DataError: The data cannot be loaded, too many files cannot be read, the features of all
            clips do not fit on the disk, or a sealed clip shares a person, footage or a file with
            another split.
    """
    listed, pinned, unreadable = _list_clips(data, seed, settings)
    clips, sealed, own = separate_development(listed)
    if run is not None:
        check_disk(clips, run, CACHE)
        for sentence in describe_too_few(clips, run):
            messages.write(sentence)
    held_out = [clip for clip in clips if clip.split in ("val", "test")]
    if data and settings.forge:
        train = [clip for clip in clips if clip.split == "train"]
        clips += generate_forgeries(train, FORGED.absolute(), seed)
    if data and settings.forge_held_out:
        own += generate_forgeries(held_out, FORGED.absolute(), seed)
    version = pinned or f"manifest:{manifest_hash(clips)}"
    if sealed:
        version += f" {sealed_version(sealed)}"
    return RunClips(clips, version, unreadable, own)


def load_sealed_clips(
    data: Sequence[str], seed: int, settings: DataSettings
) -> tuple[tuple[Clip, ...], str]:
    """Return the sealed clips of data sets, and their version; for a release alone.

    Arguments are those of :func:`load_clips`.

    Raises:
        DataError: As for :func:`load_clips`, or no clip is sealed.
    """
    listed, _, _ = _list_clips(data, seed, settings)
    _, sealed, _ = separate_development(listed)
    if not sealed:
        raise DataError(
            f"{', '.join(data) or RAW}: no clip is sealed; seal a data set by "
            f"`--data NAME=FOLDER:{SEALED}`, or a share of its clips by "
            "`--set data.sealed_share=0.2`, in training and in the release"
        )
    return sealed, sealed_version(sealed)


def sealed_version(sealed: Sequence[Clip]) -> str:
    """Return what names a sealed split in a data version: ``sealed:`` and its content hash."""
    return f"{SEALED}:{content_hash(sealed)}"


def _list_clips(
    data: Sequence[str], seed: int, settings: DataSettings
) -> tuple[tuple[Clip, ...], str, dict[str, str]]:
    """Return all clips, the version of the pinned set or nothing, and the unreadable files."""
    if not data:
        version = f"dvc:{pull_pinned_data()}"
        return read_all_clips(RAW), version, {}
    sources = [parse_data_source(text) for text in data]
    scan = scan_sources(sources, seed, sealed_share=settings.sealed_share)
    # files that were never downloaded are no sign of damage
    unreadable = {str(file.path): file.reason for file in scan.skipped if file.path.exists()}
    check_share(len(scan.clips) + len(unreadable), unreadable)
    return scan.clips, "", unreadable


def pull_pinned_data(root: Path = Path()) -> str:
    """Pull ``data/raw`` at the version that ``data.dvc`` pins.

    Returns:
        DVC's hash of the folder, as in ``data.dvc``.

    Raises:
        DataError: The folder has local changes, or the remote lacks the data.
    """
    try:
        with Repo(str(root)) as repo:
            repo.pull(targets=[str(root / DVC_FILE)])
            changed = repo.status(targets=[str(root / DVC_FILE)])
            (stage,) = repo.stage.load_file(str(root / DVC_FILE))
            version = stage.outs[0].hash_info.value
    except DvcException as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{RAW}: cannot be pulled: {reason}; "
            f"`dvc checkout --force {DVC_FILE}` undoes local changes"
        ) from error
    if changed:
        raise DataError(
            f"{RAW}: differs from what {DVC_FILE} pins; "
            f"`dvc checkout --force {DVC_FILE}` undoes the changes, "
            f"`dvc commit {DVC_FILE} && dvc push` pins them"
        )
    return str(version)
