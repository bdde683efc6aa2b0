"""The floor of free disk space: uploads stop above it, so that the database can go on writing."""

import os
from pathlib import Path

from bento.errors import StorageFullError

MIB = 2**20
DISK_FULL = "the service has too little disk space for this upload; delete jobs, or retry later"


class DiskFloor:
    """Refuses uploads that would leave less than ``min_free_mib`` of the disk free.

    Args:
        folder: Any folder on the file system that receives uploads.
    """

    def __init__(self, folder: Path, min_free_mib: int) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_mib * MIB

    def has_room(self, arriving_bytes: int = 0) -> bool:
        """Return whether the floor holds once ``arriving_bytes`` are stored."""
        status = os.statvfs(self._folder)
        return status.f_bavail * status.f_frsize - arriving_bytes >= self._min_free_bytes

    def require_room(self, arriving_bytes: int = 0) -> None:
        """Check that the floor holds once ``arriving_bytes`` are stored.

        Raises:
            StorageFullError: It does not.
        """
        if not self.has_room(arriving_bytes):
            raise StorageFullError(DISK_FULL)
