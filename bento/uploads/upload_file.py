"""A file on its way into the store: written once, and hashed as it comes."""

import hashlib
import threading
from io import FileIO
from pathlib import Path
from typing import Any

from bento.jobs.repository import new_id


class UploadedFile(FileIO):
    """A new file in ``folder`` that knows its hash; closing removes it, unless it was moved.

    One thread may write while another closes: what is being written then is written first.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / new_id()
        self.size_bytes = 0
        self._digest = hashlib.sha256()
        self._lock = threading.Lock()  # a closed file's number may be another file's by then
        super().__init__(self.path, "x+b")

    @property
    def sha256(self) -> str:
        """Of everything that was written, 64 hexadecimal digits."""
        return self._digest.hexdigest()

    def write(self, block: Any) -> int:
        """Append a block."""
        with self._lock:
            self._digest.update(block)
            self.size_bytes += len(block)
            left = memoryview(block)
            while left:  # on a disk that is all but full, the system takes a part without a word
                left = left[super().write(left) :]
        return len(block)

    def close(self) -> None:
        """Close, and remove what nobody took."""
        with self._lock:
            if not self.closed:
                super().close()
                self.path.unlink(missing_ok=True)
