"""The form of every answer: typed, described, with examples; errors are ``{"error": words}``."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from bento.db.models import Status
from bento.paths import PACKAGE_DIR
from unmask.serving.report.schema import Report, Verdict

Retention = Literal["keep", "delete_upload", "zero"]
# no spaces and nothing that cannot be seen: databases, too, refuse some of it
ADDRESS = r"^[\x21-\x7e]*$"
# further on than any video goes, and what arithmetic can bear
LATEST_S = 1e6
JOB_ID = "0f9c2a7be4d1435e8a6b10c5d2f37e94"
BATCH_ID = "5be0c1d2a3f44b6f9d7e8a9b0c1d2e3f"
EARLIER, LATER = "2026-05-04T10:00:00Z", "2026-05-04T10:00:09Z"
RUNNING: dict[str, Any] = {
    "job_id": JOB_ID,
    "file": "interview.mp4",
    "status": "running",
    "cached": False,
    "created_at": EARLIER,
    "started_at": LATER,
    "stage": "faces",
    "percent": 41.5,
    "attempts": 1,
    "size_bytes": 5_242_880,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "options": {"retention": "keep"},
}


class ApiModel(BaseModel):
    """Any answer."""

    model_config = ConfigDict(extra="forbid")


class ErrorResponse(ApiModel):
    """What went wrong, in one sentence."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"error": "a.mp4: is empty (0 bytes); use another file"}]}
    )

    error: str = Field(description="Names the thing, what is wrong, and what to do.")


class JobOptions(ApiModel):
    """How a video is to be analyzed, and what is kept of it."""

    start_s: float | None = Field(
        default=None, ge=0.0, le=LATEST_S, allow_inf_nan=False, description="Region's begin."
    )
    end_s: float | None = Field(
        default=None, gt=0.0, le=LATEST_S, allow_inf_nan=False, description="Region's end."
    )
    webhook_url: str | None = Field(
        default=None, max_length=2000, pattern=ADDRESS, description="Told when the job ends."
    )
    retention: Retention = Field(
        default="keep",
        description="`keep` all for a while; `delete_upload` once the job ends; `zero`: the upload "
        "goes at once, no pictures are made, the result goes after some minutes.",
    )

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end_s is not None and self.end_s <= (self.start_s or 0.0):
            raise ValueError("end_s must come after start_s")
        return self


class JobAccepted(ApiModel):
    """A video that is now a job."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"job_id": JOB_ID, "status_url": f"/jobs/{JOB_ID}", "repeated": False}]
        }
    )

    job_id: str = Field(description="Random; needed for everything that follows.")
    status_url: str = Field(description="Ask here.")
    repeated: bool = Field(description="An earlier job of the same Idempotency-Key.")


class BatchItem(ApiModel):
    """What became of one file of a batch."""

    file: str = Field(description="Name as sent.")
    job_id: str | None = Field(default=None, description="Null where the file was refused.")
    status_url: str | None = Field(default=None, description="Ask here.")
    error: str | None = Field(default=None, description="Why the file was refused.")


class BatchAccepted(ApiModel):
    """Several videos; each that was taken is a job of its own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "batch_id": BATCH_ID,
                    "accepted": 1,
                    "refused": 1,
                    "items": [
                        {"file": "a.mp4", "job_id": JOB_ID, "status_url": f"/jobs/{JOB_ID}"},
                        {"file": "b.mp4", "error": "b.mp4: is empty (0 bytes)"},
                    ],
                }
            ]
        }
    )

    batch_id: str = Field(description="For `GET /jobs?batch=`.")
    accepted: int = Field(description="Files that are jobs now.")
    refused: int = Field(description="Files that are not.")
    items: list[BatchItem] = Field(description="In the order sent.")


class EvidenceImage(ApiModel):
    """A picture that shows what the verdict rests on."""

    name: str = Field(description="Of the evidence.")
    url: str = Field(description="Signed; works without a key until it expires.")


Timestamp = Annotated[datetime, AfterValidator(lambda value: value.replace(microsecond=0))]


class JobSummary(ApiModel):
    """A job in a list."""

    job_id: str = Field(description="Its name.")
    file: str = Field(description="Name of the upload.")
    status: Status = Field(description="Where it stands.")
    verdict: Verdict | None = Field(default=None, description="Null until done.")
    fake_probability: float | None = Field(
        default=None, description="Null until done, or unscored."
    )
    error: str | None = Field(default=None, description="Why it failed.")
    cached: bool = Field(description="The result is that of an earlier job on the same video.")
    batch_id: str | None = Field(default=None, description="It came with others.")
    created_at: Timestamp = Field(description="When it was submitted.")
    finished_at: Timestamp | None = Field(default=None, description="When it ended.")


class JobDetail(JobSummary):
    """A job, and its result when it is done."""

    model_config = ConfigDict(json_schema_extra={"examples": [RUNNING]})

    stage: str | None = Field(
        default=None,
        description="What is being done now; `no_detector` while none can be loaded.",
    )
    percent: float = Field(ge=0.0, le=100.0, description="How far it has come.")
    queue_position: int | None = Field(
        default=None, ge=1, description="1 is next; null unless queued."
    )
    attempts: int = Field(ge=0, description="How often it was begun.")
    size_bytes: int = Field(ge=0, description="Of the upload.")
    sha256: str = Field(description="Of the upload.")
    options: JobOptions = Field(description="As submitted.")
    started_at: Timestamp | None = Field(default=None, description="When it was first begun.")
    expires_at: Timestamp | None = Field(
        default=None, description="When all of it will be deleted."
    )
    result: Report | None = Field(default=None, description="Null until done.")
    evidence: list[EvidenceImage] = Field(default_factory=list, description="Pictures to look at.")
    video_url: str | None = Field(
        default=None, description="The upload, signed; null once deleted."
    )


class JobList(ApiModel):
    """A page of the caller's jobs, newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "total": 1,
                    "next": None,
                    "jobs": [
                        {
                            "job_id": JOB_ID,
                            "file": "interview.mp4",
                            "status": "done",
                            "verdict": "fake",
                            "fake_probability": 0.97,
                            "cached": False,
                            "created_at": EARLIER,
                            "finished_at": LATER,
                        }
                    ],
                }
            ]
        }
    )

    jobs: list[JobSummary] = Field(description="This page.")
    total: int = Field(ge=0, description="Jobs on all pages.")
    next: str | None = Field(description="Address of the next page; null on the last.")


class JobDeleted(ApiModel):
    """What a DELETE did."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"job_id": JOB_ID, "status": "cancelled"}]}
    )

    job_id: str = Field(description="Its name.")
    status: Literal["cancelled", "deleted"] = Field(
        description="`cancelled`: it waited or ran; `deleted`: it had ended, and nothing is left."
    )


class JobEndedEvent(ApiModel):
    """What a webhook says of a job that has ended."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "event": "job.done",
                    "job_id": JOB_ID,
                    "status": "done",
                    "file": "interview.mp4",
                    "verdict": "fake",
                    "fake_probability": 0.97,
                    "error": None,
                    "status_url": f"/jobs/{JOB_ID}",
                }
            ]
        }
    )

    event: Literal["job.done", "job.failed", "job.cancelled"] = Field(description="What happened.")
    job_id: str = Field(description="Its name.")
    status: Status = Field(description="Where it stands.")
    file: str = Field(description="Name of the upload.")
    verdict: Verdict | None = Field(description="Null unless done.")
    fake_probability: float | None = Field(description="Null unless done, or unscored.")
    error: str | None = Field(description="Why it failed.")
    status_url: str = Field(description="Ask here for the whole result.")


# a real one, of a clip of the demo set, with the first moments of each line
REPORT_EXAMPLE = json.loads((PACKAGE_DIR / "api" / "example_report.json").read_text())
EVENT_EXAMPLE = f"event: job\ndata: {json.dumps(RUNNING)}\n\n"


def report_response() -> dict[int | str, dict[str, Any]]:
    """The answer of a route that gives a report, for the OpenAPI document."""
    return {200: {"content": {"application/json": {"example": REPORT_EXAMPLE}}}}


def from_timestamp(seconds: float | None) -> datetime | None:
    """Seconds since 1970 as a time."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route, for the OpenAPI document."""
    words = {
        400: "The request cannot be understood.",
        401: "No API key, or one that is not known.",
        403: "Only this machine is answered, unless there are API keys.",
        404: "There is no such job of yours, or it has no such thing.",
        409: "Not in this state of the job; or the Idempotency-Key belongs to another file.",
        413: "The upload is larger than this service takes.",
        415: "The request is not multipart/form-data.",
        422: "What was sent cannot be used; `error` says why.",
        429: "Too many requests, or too many jobs wait; `Retry-After` says when to come again.",
        500: "A failure of this service.",
        503: "The service is starting, or a store does not answer.",
    }
    every = sorted({400, 401, 403, 429, 503, *statuses})
    found: dict[int | str, dict[str, Any]] = {
        code: {"model": ErrorResponse, "description": words[code]} for code in every
    }
    found[429]["headers"] = {
        "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}, "example": 5}
    }
    return found
