"""Backlog: what is left to do, in a temporary file, so that memory does not grow with it."""

import pickle
from collections.abc import Iterator
from typing import IO

from unmask.serving.bulk.source import Listed


class Backlog:
    """A list in a file that is written once and then read.

    Args:
        file: Empty, and of this process alone.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._count = file, 0

    def append(self, item: Listed) -> None:
        """Add an item at the end."""
        pickle.dump(item, self._file, protocol=pickle.HIGHEST_PROTOCOL)
        self._count += 1

    def __len__(self) -> int:
        """Return the number of items."""
        return self._count

    def __iter__(self) -> Iterator[Listed]:
        """Yield the items; appending must have ended."""
        self._file.seek(0)
        for _ in range(self._count):
            yield pickle.load(self._file)
