"""The submission service: upload → object store → job table → queue."""

import re
from pathlib import Path
from typing import BinaryIO, Protocol

from bento.container import Services
from bento.errors import UploadTooLargeError
from bento.jobs.repository import NewJob, new_id
from bento.jobs.submission import JobOptions, Submission
from bento.storage.disk_space import DiskFloor
from bento.storage.keys import upload_key
from bento.uploads.bucket_source import BucketObject
from bento.uploads.upload_file import UploadedFile
from bento.uploads.web_source import WEB_URL, WebFile
from bento.webhooks.url_guard import check_public_target
from unmask.errors import MediaError
from unmask.serving.file_limits import MIB

BLOCK_BYTES = MIB
MAX_NAME_LENGTH = 200


class UploadProbe(Protocol):
    """Opens uploads before they become jobs."""

    def check(self, path: Path, shown_as: str, tenant: str) -> None:
        """Raise a MediaError that names the file ``shown_as`` if it holds nothing to analyze."""


class SubmissionService:
    """Turns uploads into jobs.

    Args:
        probe: None if every file is left to the worker.
    """

    def __init__(self, services: Services, probe: UploadProbe | None = None) -> None:
        self._services = services
        self._probe = probe
        self._disk_floor = DiskFloor(services.store.work, services.settings.min_free_mib)

    async def check_webhook(self, options: JobOptions, tenant: str) -> None:
        """Reject a webhook URL that could not be delivered, before the upload is stored.

        Raises:
            WebhookUrlError: The host is unknown or not public.
        """
        if options.webhook_url is not None:
            private = self._services.settings.webhook_private
            await check_public_target(options.webhook_url, private, tenant)

    def submit(self, stream: BinaryIO, name: str, submission: Submission) -> tuple[str, bool]:
        """Store an upload and create its job.

        Args:
            stream: An :class:`UploadedFile` is moved into the store; any other stream is copied
                block by block.
            name: File name as sent by the client.

        Returns:
            The job's id, and whether the job is new.

        Raises:
            MediaError: The file is empty, or nothing in it can be analyzed.
            UploadTooLargeError: The file exceeds the size limit.
            IdempotencyError: The key belongs to another file.
            QueueFullError: The queue is full.
            StorageFullError: The disk, or the tenant's share of it, is full.
        """
        job_id, filename = new_id(), safe_filename(name)
        upload = stream if isinstance(stream, UploadedFile) else self._copy(stream, filename)
        with upload:
            if not upload.size_bytes:
                raise MediaError(f"{filename}: is empty (0 bytes); send a video")
            self._check_size(upload.size_bytes, filename)
            if self._probe is not None:
                self._probe.check(upload.path, filename, submission.tenant)
            self._services.store.put(upload_key(job_id), upload.path)
        return self._create_job(
            NewJob(
                job_id=job_id,
                submission=submission,
                file=filename,
                sha256=upload.sha256,
                size_bytes=upload.size_bytes,
                upload=upload_key(job_id),
            )
        )

    def submit_from_url(self, url: str, submission: Submission) -> tuple[str, bool]:
        """Create a job for an object in an allowed bucket or on an allowed host.

        See :meth:`submit` for what it returns, and further errors.

        Raises:
            MediaError: The URL is not allowed, or the object does not exist.
            SourceRefusedError: The same of a URL of a web server.
            StorageUnavailableError: The store or server does not respond.
        """
        kind = WebFile if WEB_URL.fullmatch(url) else BucketObject
        source = kind(url, submission.tenant, self._services.settings)
        with source as stream:
            return self.submit(stream, source.name, submission)

    def _create_job(self, job: NewJob) -> tuple[str, bool]:
        try:
            job_id, is_new = self._services.jobs.create(job)
        except BaseException:
            self._services.store.remove(job.job_id)
            raise
        if is_new:
            self._services.enqueue(job_id)
        else:
            self._services.store.remove(job.job_id)
        return job_id, is_new

    def _check_size(self, size_bytes: int, filename: str) -> None:
        settings = self._services.settings
        if size_bytes > settings.max_upload_bytes:
            raise UploadTooLargeError(
                f"{filename}: is larger than {settings.max_upload_mib} MiB; send a shorter video"
            )

    def _copy(self, stream: BinaryIO, filename: str) -> UploadedFile:
        upload = UploadedFile(self._services.store.work)
        try:
            while block := stream.read(BLOCK_BYTES):
                self._disk_floor.require_room(len(block))
                upload.write(block)
                self._check_size(upload.size_bytes, filename)
        except BaseException:
            upload.close()
            raise
        return upload


def safe_filename(name: str) -> str:
    r"""Return a client's file name without directories and unprintable characters.

    Example:
        >>> safe_filename("..\\..\\a\x00b.mp4"), safe_filename("/etc/")
        ('ab.mp4', 'upload')
    """
    last = re.split(r"[\\/]", name)[-1]
    clean = "".join(letter for letter in last if letter.isprintable()).strip()
    return clean[-MAX_NAME_LENGTH:] if clean.strip(".") else "upload"
