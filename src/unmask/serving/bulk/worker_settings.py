"""Settings of the workers of a bulk analysis."""

from dataclasses import dataclass
from pathlib import Path

from unmask.files import file_sha256
from unmask.models.bundle_metadata import METADATA, read_metadata
from unmask.serving.file_limits import MAX_FILE_MIB
from unmask.serving.released import find_detector


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker needs to analyze sources; picklable.

    Attributes:
        bundle: Folder of the detector.
        detector: SHA-256 that its ``bundle.json`` has to have.
        max_file_mib: Limit of a file that is downloaded or unpacked.
    """

    bundle: Path
    detector: str
    allowed_hosts: tuple[str, ...] = ()
    max_file_mib: int = MAX_FILE_MIB


def identify_detector(folder: Path | None) -> tuple[Path, str]:
    """Return the folder of a detector, by default that of :func:`find_detector`, and its SHA-256.

    Raises:
        BundleError: The bundle is missing or damaged.
    """
    folder = (folder or find_detector()).absolute()
    read_metadata(folder)
    return folder, file_sha256(folder / METADATA)
