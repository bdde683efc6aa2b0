"""From an upload to a job: to the disk, hashed, into the store, into the table, into the queue."""

import re
from dataclasses import dataclass
from typing import Any, BinaryIO

from bento.container import Services
from bento.jobs.repository import NewJob, new_id
from bento.settings import MIB
from bento.uploads.bucket_source import BucketObject
from bento.uploads.upload_file import UploadedFile
from unmask.errors import MediaError, UnmaskError

BLOCK = MIB
NAME_LENGTH = 200


class UploadTooLargeError(UnmaskError):
    """A file above the limit."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What a sender wants done with a file.

    Attributes:
        options: Fields of :class:`bento.api.schemas.Options`.
    """

    tenant: str
    options: dict[str, Any]
    idempotency_key: str | None = None
    batch: str | None = None


class SubmissionService:
    """Takes uploads."""

    def __init__(self, parts: Services) -> None:
        self._parts = parts

    def submit(self, stream: BinaryIO, name: str, request: Submission) -> tuple[str, bool]:
        """Make a job of what ``stream`` gives; block by block, never whole in memory.

        Args:
            stream: An :class:`Arrival` is taken as it is, anything else is copied.

        Returns:
            The job's id, and whether it is new.

        Raises:
            MediaError: The file is empty.
            TooLargeError: It is above the limit.
            IdempotencyError: The key belongs to another file.
            QueueFullError: There is no room for another job.
        """
        job_id, shown_as = new_id(), safe_filename(name)
        upload = f"{job_id}/upload"
        with (
            stream
            if isinstance(stream, UploadedFile)
            else self._copied(stream, shown_as) as arrival
        ):
            if not arrival.size_bytes:
                raise MediaError(f"{shown_as}: is empty (0 bytes); send a video")
            self._check_size(arrival.size_bytes, shown_as)
            self._parts.store.put(upload, arrival.path)
        entry = NewJob(
            job_id=job_id,
            tenant=request.tenant,
            file=shown_as,
            sha256=arrival.sha256,
            size_bytes=arrival.size_bytes,
            upload=upload,
            options=request.options,
            idempotency_key=request.idempotency_key,
            batch=request.batch,
        )
        return self._entered(entry)

    def submit_from_bucket(self, address: str, request: Submission) -> tuple[str, bool]:
        """Make a job of a file in an allow-listed bucket; see :meth:`take`.

        Raises:
            MediaError: The address is not allowed, or nothing is there.
            StoreAwayError: The store does not answer.
        """
        imported = BucketObject(address, self._parts.settings)
        with imported as stream:
            return self.submit(stream, imported.name, request)

    def _entered(self, entry: NewJob) -> tuple[str, bool]:
        try:
            job_id, new = self._parts.ledger.create(entry)
        except BaseException:
            self._parts.store.remove(entry.job_id)
            raise
        if new:
            self._parts.enqueue(job_id)
        else:
            self._parts.store.remove(entry.job_id)
        return job_id, new

    def _check_size(self, size_bytes: int, shown_as: str) -> None:
        settings = self._parts.settings
        if size_bytes > settings.max_upload_bytes:
            raise UploadTooLargeError(
                f"{shown_as}: is larger than {settings.max_upload_mib} MiB; send a shorter video"
            )

    def _copied(self, stream: BinaryIO, shown_as: str) -> UploadedFile:
        arrival = UploadedFile(self._parts.store.work)
        try:
            while block := stream.read(BLOCK):
                arrival.write(block)
                self._check_size(arrival.size_bytes, shown_as)
        except BaseException:
            arrival.close()
            raise
        return arrival


def safe_filename(name: str) -> str:
    r"""The sender's name for a file, fit to be shown: no folder, nothing unprintable.

    Example:
        >>> shown("..\\\\..\\\\a\\x00b.mp4"), shown("/etc/")
        ('ab.mp4', 'upload')
    """
    last = re.split(r"[\\/]", name)[-1]
    clean = "".join(letter for letter in last if letter.isprintable()).strip()
    return clean[-NAME_LENGTH:] if clean.strip(".") else "upload"
