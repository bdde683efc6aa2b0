"""Test clips of a data set that a detector was not trained on."""

from dataclasses import replace
from pathlib import Path

from unmask.data.datasets.ingest import ScanResult, scan_dataset


def scan_test_clips(folder: Path | str, jobs: int = 2) -> ScanResult:
    """Return the clips of the split ``test``, and the files that cannot be opened.

    Args:
        folder: Root of the data set.
        jobs: Worker processes.

    Raises:
        DataError: As for :func:`~unmask.data.datasets.ingest.scan_dataset`.
    """
    scan = scan_dataset(folder, jobs=jobs)
    return replace(scan, clips=tuple(clip for clip in scan.clips if clip.split == "test"))
