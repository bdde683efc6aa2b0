"""The data set that is pinned with DVC: pull, verification and version."""

from collections.abc import Sequence
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo

from steps.platforms.paths import DVC_FILE, FORGED, RAW
from unmask.data.datasets.several import parse_data_source, scan_sources
from unmask.data.forgeries.offline import generate_forgeries
from unmask.data.manifest import manifest_hash, read_manifest
from unmask.data.skipped_clips import check_share
from unmask.errors import DataError
from unmask.records import Clip


def load_clips(
    data: Sequence[str], seed: int, forge: bool
) -> tuple[tuple[Clip, ...], str, dict[str, str]]:
    """Return the clips of a run, their version, and the unreadable files with their reasons.

    Args:
        data: Data sets, see :func:`unmask.data.datasets.several.parse_data_source`; the pinned
            set if empty.
        seed: For the assignment of splits and for pseudo-fakes.
        forge: Whether to synthesise pseudo-fakes from the genuine training clips of ``data``.
            Validation and test stay natural.

    Raises:
        ConfigError: A data set is named wrongly.
        DataError: The data cannot be loaded, or too many files cannot be read.
    """
    if not data:
        version = f"dvc:{pull_pinned_data()}"
        return read_manifest(RAW), version, {}
    scan = scan_sources([parse_data_source(text) for text in data], seed)
    # files that were never downloaded are no sign of damage
    unreadable = {str(file.path): file.reason for file in scan.skipped if file.path.exists()}
    check_share(len(scan.clips) + len(unreadable), unreadable)
    clips = scan.clips
    if forge:
        train = [clip for clip in clips if clip.split == "train"]
        clips += generate_forgeries(train, FORGED.absolute(), seed)
    return clips, f"manifest:{manifest_hash(clips)}", unreadable


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
