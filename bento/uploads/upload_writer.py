"""The one thread that hashes and writes uploads.

A thread pool hands over each block on its own: 20 senders of 5 MB at once took a sixth more of the
processor, most of it spent on threads that wait for Python's lock.
"""

import asyncio
import threading
from contextlib import suppress
from functools import cache
from queue import SimpleQueue
from typing import Self

from bento.uploads.upload_file import UploadedFile

WriteResult = asyncio.Future[OSError | ValueError | None]


class UploadWriter:
    """Writes blocks in the order in which they were given."""

    def __init__(self) -> None:
        self._given: SimpleQueue[tuple[UploadedFile, list[bytes], WriteResult]] = SimpleQueue()
        threading.Thread(target=self._run, name="landing", daemon=True).start()

    @classmethod
    @cache
    def shared(cls) -> Self:
        """The only one that a process needs."""
        return cls()

    def write(self, arrival: UploadedFile, blocks: list[bytes]) -> WriteResult:
        """Give ``blocks`` to be appended; what comes of it, once awaited, is the error or None."""
        done: WriteResult = asyncio.get_running_loop().create_future()
        self._given.put((arrival, blocks, done))
        return done

    def _run(self) -> None:
        while True:
            arrival, blocks, done = self._given.get()
            error: OSError | ValueError | None = None
            try:
                arrival.writelines(blocks)
            except (OSError, ValueError) as met:  # ValueError: it was closed, the sender is gone
                error = met
            del blocks  # or they would stay until the next come
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                done.get_loop().call_soon_threadsafe(_settle, done, error)


def _settle(done: WriteResult, error: OSError | ValueError | None) -> None:
    if not done.done():
        done.set_result(error)
