"""What the service answers; fields that this version does not know are kept as they are."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from unmask.records import Verdict

Status = Literal["queued", "running", "done", "failed", "cancelled"]
ACTIVE: tuple[Status, ...] = ("queued", "running")


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(extra="allow", frozen=True)


class JobAccepted(Answer):
    """A video that was accepted as a job.

    Attributes:
        repeated: Whether the idempotency key matched an earlier job.
    """

    job_id: str
    status_url: str
    repeated: bool = False


class BatchItem(Answer):
    """Outcome for one file of a batch.

    Attributes:
        job_id: None if the file was refused, with the reason in ``error`` and ``code``.
    """

    file: str
    job_id: str | None = None
    error: str | None = None
    code: str | None = None


class BatchAccepted(Answer):
    """Outcome of a batch, one item for each file in the order sent."""

    batch_id: str
    accepted: int
    refused: int
    items: tuple[BatchItem, ...]


class JobSummary(Answer):
    """A job in a list.

    Attributes:
        reason: Why the verdict is ``inconclusive``.
        error: Why the job failed.
    """

    job_id: str
    file: str
    status: Status
    verdict: Verdict | None = None
    reason: str | None = None
    fake_probability: float | None = None
    error: str | None = None
    batch_id: str | None = None
    created_at: datetime
    finished_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether the job is done, failed or cancelled."""
        return self.status not in ACTIVE


class Job(JobSummary):
    """A job.

    Attributes:
        percent: Progress, 0 to 100.
        result: The report as the service sends it; :meth:`unmask.client.Client.report` reads it.
    """

    stage: str | None = None
    percent: float = 0.0
    queue_position: int | None = None
    sha256: str = ""
    result: dict[str, Any] | None = None
