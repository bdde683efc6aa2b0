"""The client: submit videos, wait for jobs, read reports."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from pydantic import ValidationError

from unmask.client.errors import JobFailedError, ServiceError, WaitTimeoutError
from unmask.client.models import BatchAccepted, Job, JobAccepted, JobSummary
from unmask.client.transport import VERSION_PREFIX, Transport
from unmask.serving.report.schema import Report

MIN_POLL_S, MAX_POLL_S = 0.2, 3.0
PAGE_SIZE = 100


class Client:
    """A connection to a service; use it in a ``with`` statement, or close it.

    Every method raises :class:`unmask.client.ServiceError` if the service refuses the request and
    :class:`unmask.client.ServiceUnreachableError` if it does not answer. Requests that the service
    cannot take at present (429 and 503) are repeated after the pause that it asks for; submissions
    carry an idempotency key, so that no video becomes two jobs.

    Args:
        base_url: Address of the service, without ``/v1``.
        api_key: None for a service on this machine that has no keys.
        timeout_s: For a connection, and between two blocks of a request or an answer.
        retries: How often a request is repeated.
        transport: An ``httpx`` transport, for tests.
    """

    def __init__(
        self,
        base_url: str = "http://localhost:3000",
        api_key: str | None = None,
        *,
        timeout_s: float = 60.0,
        retries: int = 5,
        transport: Any = None,
    ) -> None:
        self._transport = Transport(base_url, api_key, timeout_s, retries, transport)

    def analyze(self, path: str | Path, *, timeout_s: float | None = None) -> Report:
        """Submit a video, wait for its job, and return the report.

        Args:
            timeout_s: How long to wait; None for as long as it takes.

        Raises:
            JobFailedError: The job failed or was cancelled.
            WaitTimeoutError: The job has not ended in time.
        """
        accepted = self.submit(path)
        self.wait(accepted.job_id, timeout_s=timeout_s)
        return self.report(accepted.job_id)

    def submit(
        self,
        source: str | Path,
        *,
        idempotency_key: str | None = None,
        **options: str | float,
    ) -> JobAccepted:
        """Submit one video.

        Args:
            source: A file of this machine, or an address ``s3://…`` or ``https://…`` that the
                service may read.
            idempotency_key: A random one if None.
            options: Form fields of `/analyze-video`: ``start_s``, ``end_s``, ``webhook_url``,
                ``retention``.
        """
        headers = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        data = {name: str(value) for name, value in options.items()}
        if "://" in str(source):
            # multipart, like a file
            fields = {name: (None, value) for name, value in data.items()}
            fields["storage_url"] = (None, str(source))
            response = self._request("POST", "/analyze-video", files=fields, headers=headers)
        else:
            with Path(source).open("rb") as stream:
                response = self._request(
                    "POST",
                    "/analyze-video",
                    rewind=lambda: _rewind([stream]),
                    files={"file": (Path(source).name, stream)},
                    data=data,
                    headers=headers,
                )
        return JobAccepted.model_validate(response.json())

    def submit_batch(
        self,
        paths: Sequence[str | Path],
        *,
        idempotency_key: str | None = None,
        **options: str,
    ) -> BatchAccepted:
        """Submit several files, or one zip archive; each is accepted or refused alone.

        Args:
            idempotency_key: A random one if None.
            options: Form fields of `/batch`: ``webhook_url``, ``retention``.
        """
        with ExitStack() as stack:
            streams = [stack.enter_context(Path(path).open("rb")) for path in paths]
            response = self._request(
                "POST",
                "/batch",
                rewind=lambda: _rewind(streams),
                files=[
                    ("files", (Path(path).name, stream))
                    for path, stream in zip(paths, streams, strict=True)
                ],
                data=options,
                headers={"Idempotency-Key": idempotency_key or uuid.uuid4().hex},
            )
        return BatchAccepted.model_validate(response.json())

    def job(self, job_id: str) -> Job:
        """Return a job's status and, once it is done, its result."""
        return Job.model_validate(self._request("GET", _path(job_id)).json())

    def jobs(self, **filters: str) -> Iterator[JobSummary]:
        """Yield the caller's jobs, newest first.

        Args:
            filters: ``status``, ``verdict``, ``batch``.
        """
        parameters: dict[str, Any] | None = {"limit": PAGE_SIZE, **filters}
        path: str | None = "/jobs"
        while path:
            page = self._request("GET", path, params=parameters).json()
            yield from map(JobSummary.model_validate, page["jobs"])
            following, parameters = page["next"] or "", None
            path = following.partition(VERSION_PREFIX)[2]

    def wait(
        self,
        job_id: str,
        *,
        timeout_s: float | None = None,
        on_progress: Callable[[Job], None] = lambda job: None,
    ) -> Job:
        """Wait until a job has ended, and return it.

        Args:
            timeout_s: None for as long as it takes.
            on_progress: Called with the job after every request.

        Raises:
            WaitTimeoutError: The job has not ended in time; it goes on.
        """
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        pause_s = MIN_POLL_S
        while True:
            job = self.job(job_id)
            on_progress(job)
            if job.ended:
                return job
            if deadline_s is not None and time.monotonic() + pause_s > deadline_s:
                raise WaitTimeoutError(
                    f"job {job_id}: is {job.status} after {timeout_s:g} s; wait longer"
                )
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, MAX_POLL_S)

    def report(self, job_id: str) -> Report:
        """Return the report of a job that is done.

        Raises:
            JobFailedError: The job failed or was cancelled.
            ServiceError: The job has not ended (``report_not_ready``), or another release made the
                report (``report_of_other_release``).
        """
        job = self.job(job_id)
        if job.status in ("failed", "cancelled"):
            raise JobFailedError(f"job {job_id}: {job.error or job.status}")
        content = self._request("GET", f"{_path(job_id)}/report.json").json()
        try:
            return Report.model_validate(content)
        except ValidationError as error:
            message = (
                f"job {job_id}: its report is of schema {content.get('schema_version')}, which "
                "this client does not read; use the client of the service's release"
            )
            raise ServiceError(message, 200, "report_of_other_release", None) from error

    def report_pdf(self, job_id: str) -> bytes:
        """Return the report of a job that is done as PDF."""
        return bytes(self._request("GET", f"{_path(job_id)}/report.pdf").content)

    def delete(self, job_id: str) -> None:
        """Cancel a job that waits or runs; delete everything of a job that has ended."""
        self._request("DELETE", _path(job_id))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def _request(self, method: str, path: str, **options: Any) -> Any:
        return self._transport.request(method, path, **options)


def _path(job_id: str) -> str:
    return f"/jobs/{quote(job_id, safe='')}"


def _rewind(streams: Sequence[Any]) -> None:
    for stream in streams:
        stream.seek(0)
