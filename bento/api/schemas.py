"""Response models of the HTTP API."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, AliasPath, BaseModel, ConfigDict, Field

from bento.api import examples
from bento.api.problem_types import PROBLEM_TYPES
from bento.db.models import Status
from bento.jobs.submission import JobOptions
from unmask.records import Reason, Verdict
from unmask.serving.report.schema import Report

Timestamp = Annotated[datetime, AfterValidator(lambda value: value.replace(microsecond=0))]


class ApiModel(BaseModel):
    """Base of all response models."""

    model_config = ConfigDict(extra="forbid")


def _with_example(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


class InvalidParameter(ApiModel):
    """A parameter that is missing or invalid."""

    parameter: str = Field(description="Name of the parameter.")
    detail: str = Field(description="What is wrong with it.")


class Problem(ApiModel):
    """An error, as RFC 9457 describes it."""

    model_config = _with_example(examples.PROBLEM)

    type: str = Field(description="`urn:problem-type:unmask:` and `code`.")
    title: str = Field(description="What is wrong; the same for every error of this code.")
    status: int = Field(ge=400, le=599, description="HTTP status.")
    detail: str = Field(description="States the subject, what is wrong and the remedy.")
    code: str = Field(
        description="Kind of the error. A code keeps its meaning; new ones may be added.",
        json_schema_extra={"x-extensible-enum": list(PROBLEM_TYPES)},
    )
    request_id: str | None = Field(
        description="`X-Request-ID` of the response; null if the request could not be read."
    )
    errors: list[InvalidParameter] = Field(
        default_factory=list, description="The invalid parameters, if any."
    )
    error: str = Field(description="The same as `detail`, for older clients.", deprecated=True)


class JobAccepted(ApiModel):
    """A video that was accepted as a job."""

    model_config = _with_example(examples.JOB_ACCEPTED)

    job_id: str = Field(description="Random id of the job.")
    status_url: str = Field(description="URL of the job's status and result.")
    repeated: bool = Field(description="Whether the Idempotency-Key matched an earlier job.")


class BatchItem(ApiModel):
    """Outcome for one file of a batch."""

    file: str = Field(description="File name as sent.")
    job_id: str | None = Field(default=None, description="Null if the file was refused.")
    status_url: str | None = Field(default=None, description="URL of the job's status and result.")
    error: str | None = Field(default=None, description="Why the file was refused.")
    code: str | None = Field(default=None, description="`code` of the problem, if refused.")


class BatchAccepted(ApiModel):
    """Outcome of a batch; every accepted file is a separate job."""

    model_config = _with_example(examples.BATCH_ACCEPTED)

    batch_id: str = Field(description="For `GET /jobs?batch=`.")
    accepted: int = Field(description="Number of files accepted as jobs.")
    refused: int = Field(description="Number of files refused.")
    items: list[BatchItem] = Field(description="One item for each file, in the order sent.")


class EvidenceImage(ApiModel):
    """An image that illustrates the verdict."""

    name: str = Field(description="Name of the image, without suffix.")
    url: str = Field(description="Signed URL; works without an API key until it expires.")


class CalibrationClips(ApiModel):
    """Clips that a detector was calibrated on; they bear no finer probability."""

    model_config = ConfigDict(extra="ignore")  # stored reports hold error rates beside them

    real_clips: int = Field(ge=1, description="Genuine clips.")
    fake_clips: int = Field(ge=1, description="Fake clips.")


class JobSummary(ApiModel):
    """A job in a list; read from the attributes of :class:`bento.db.models.Job`."""

    job_id: str = Field(validation_alias=AliasChoices("job_id", "id"), description="Id of the job.")
    file: str = Field(description="File name of the upload.")
    status: Status = Field(description="Status of the job.")
    verdict: Verdict | None = Field(default=None, description="Null until done.")
    reason: Reason | None = Field(
        default=None,
        validation_alias=AliasChoices("reason", AliasPath("result", "reason")),
        description="Why the verdict is `inconclusive`; null otherwise.",
    )
    fake_probability: float | None = Field(
        default=None,
        validation_alias=AliasChoices("fake_probability", AliasPath("result", "fake_probability")),
        description="Null until done, and where nothing could be scored or the demonstration "
        "model does not judge.",
    )
    calibration_clips: CalibrationClips | None = Field(
        default=None,
        validation_alias=AliasChoices("calibration_clips", AliasPath("result", "model", "promise")),
        description="How many clips `fake_probability` was calibrated on; null until done, or "
        "without calibration.",
    )
    duration_s: float | None = Field(
        default=None, ge=0.0, description="Length of the video; null until done."
    )
    error: str | None = Field(default=None, description="Why the job failed.")
    cached: bool = Field(
        description="Whether the result was reused from an earlier job on the same video."
    )
    batch_id: str | None = Field(
        default=None,
        validation_alias=AliasChoices("batch_id", "batch"),
        description="Id of the batch; null if submitted alone.",
    )
    created_at: Timestamp = Field(description="Time of submission.")
    finished_at: Timestamp | None = Field(default=None, description="When the job ended.")


class JobDetail(JobSummary):
    """A job, and its result once it is done."""

    model_config = _with_example(examples.JOB_DETAIL)

    stage: str | None = Field(
        default=None,
        description="Current stage; `no_detector` while the detector cannot be loaded.",
    )
    percent: float = Field(ge=0.0, le=100.0, description="Progress.")
    queue_position: int | None = Field(
        default=None,
        ge=1,
        description="Position among your jobs, from 1; tenants take turns. Null unless queued.",
    )
    attempts: int = Field(ge=0, description="How many times processing was started.")
    size_bytes: int = Field(ge=0, description="Size of the upload.")
    sha256: str = Field(description="Hash of the upload.")
    options: JobOptions = Field(description="Options as submitted.")
    started_at: Timestamp | None = Field(default=None, description="Start of the first attempt.")
    expires_at: Timestamp | None = Field(
        default=None, description="When the job and its files will be deleted."
    )
    result: Report | None = Field(
        default=None,
        description="Null until done, or if another release made a report that this one cannot "
        "read; `report.json` returns it as it was stored.",
    )
    evidence: list[EvidenceImage] = Field(
        default_factory=list,
        validation_alias="evidence_images",  # `Job.evidence` holds only the names
        description="Images that illustrate the verdict.",
    )
    video_url: str | None = Field(
        default=None, description="Signed URL of the upload; null once deleted."
    )


class JobList(ApiModel):
    """A page of the caller's jobs."""

    model_config = _with_example(examples.JOB_LIST)

    jobs: list[JobSummary] = Field(description="Jobs of this page.")
    total: int = Field(ge=0, description="Number of jobs on all pages.")
    next: str | None = Field(description="URL of the next page; null on the last one.")


class ExportedJob(ApiModel):
    """A row of an exported table: a job with the scores of its report."""

    job_id: str = Field(description="Id of the job.")
    file: str = Field(description="File name of the upload.")
    status: str = Field(description="Status of the job.")
    verdict: str | None = Field(default=None, description="Null until done.")
    reasons: list[str] = Field(
        default_factory=list, description="Codes why the verdict is `inconclusive`."
    )
    fake_probability: float | None = Field(default=None, description="Of the video as a whole.")
    video_probability: float | None = Field(default=None, description="Of the faces.")
    audio_probability: float | None = Field(default=None, description="Of the voice.")
    lip_sync_probability: float | None = Field(default=None, description="Of the lip-sync.")
    duration_s: float | None = Field(default=None, description="Length of the video.")
    size_bytes: int = Field(description="Size of the upload.")
    sha256: str = Field(description="Hash of the upload.")
    detector: str | None = Field(default=None, description="Hash of the detector.")
    batch_id: str | None = Field(default=None, description="Id of the batch.")
    case_number: str | None = Field(default=None, description="As the submission states it.")
    created_at: Timestamp = Field(description="Time of submission.")
    finished_at: Timestamp | None = Field(default=None, description="When the job ended.")
    error: str | None = Field(default=None, description="Why the job failed.")


class JobExport(ApiModel):
    """An exported table of jobs."""

    model_config = _with_example(examples.JOB_EXPORT)

    jobs: list[ExportedJob] = Field(description="The jobs that match, in the order asked for.")


class JobDeleted(ApiModel):
    """Outcome of a DELETE request."""

    model_config = _with_example(examples.JOB_DELETED)

    job_id: str = Field(description="Id of the job.")
    status: Literal["cancelled", "deleted"] = Field(
        description="`cancelled`: the job was queued or running. `deleted`: the job had ended and "
        "all its data is gone."
    )


class JobsDeleted(ApiModel):
    """Outcome of the deletion of several jobs."""

    model_config = _with_example(examples.JOBS_DELETED)

    jobs: list[JobDeleted] = Field(description="Jobs that were cancelled or deleted.")
    missing: list[str] = Field(description="Ids of no job of the caller.")
