"""Submissions: `POST /analyze-video` and `POST /batch`."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends, File, Form, Header, Response, UploadFile
from pydantic import ValidationError, WithJsonSchema

from bento.api.dependencies import CallerDep, ContextDep, RequestContext
from bento.api.error_handlers import code_of
from bento.api.error_response import RequestRejected
from bento.api.examples import BATCH_ID, JOB_ID
from bento.api.form_fields import reject_query_options
from bento.api.openapi import error_responses
from bento.api.route_paths import ANALYZE_PATH, BATCH_PATH, ID_PATTERN
from bento.api.schemas import BatchAccepted, BatchItem, JobAccepted
from bento.api.streaming_multipart import StreamingUploadRoute
from bento.api.thread_limit import ThreadLimit
from bento.errors import (
    QueueFullError,
    StorageFullError,
    StorageUnavailableError,
    UploadTooLargeError,
)
from bento.jobs.repository import new_id
from bento.jobs.submission import (
    EndTime,
    JobOptions,
    Retention,
    StartTime,
    Submission,
    WebhookUrl,
    batch_id_of,
    batch_item_key,
)
from bento.uploads.submission import safe_filename
from unmask.errors import ArchiveError, MediaError
from unmask.serving.report.custody import Label
from unmask.serving.zip_archive import ZipLimits, is_zip, iter_members

ONE_SOURCE_REQUIRED = "send either one video as multipart field `file`, or `storage_url`"
KEY_PATTERN = r"^[\x21-\x7e]{1,200}$"
# generators of API clients know an optional file by this schema
BINARY_SCHEMA = {"type": "string", "format": "binary"}
# refuse one file of a batch; an error of the whole request would hide the jobs before it
ITEM_ERRORS = (
    *(MediaError, UploadTooLargeError, ArchiveError),
    *(QueueFullError, StorageFullError, StorageUnavailableError),
)

# opening an upload, unpacking, and copying from or to a bucket take long
_threads = ThreadLimit(8, per_tenant=6)

router = APIRouter(route_class=StreamingUploadRoute, tags=["analysis"])


def _option(name: str) -> Any:
    """Return a form field documented like the field of :class:`JobOptions`."""
    field = JobOptions.model_fields[name]
    return Form(description=field.description, examples=field.examples)


async def parse_request_statement(
    operator: Annotated[Label | None, _option("operator")] = None,
    case_number: Annotated[Label | None, _option("case_number")] = None,
) -> dict[str, str | None]:
    """Read what the reports state about the request."""
    return {"operator": operator, "case_number": case_number}


async def parse_batch_options(
    context: ContextDep,
    caller: CallerDep,
    statement: Annotated[dict[str, str | None], Depends(parse_request_statement)],
    webhook_url: Annotated[WebhookUrl | None, _option("webhook_url")] = None,
    retention: Annotated[Retention, _option("retention")] = "keep",
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern=KEY_PATTERN,
            description="Repeating a submission with the same key returns the same jobs.",
            examples=["interview-2026-05-04"],
        ),
    ] = None,
) -> Submission:
    """Read the options that apply to every file of a request.

    Raises:
        WebhookUrlError: The webhook could not be delivered.
    """
    options = JobOptions(
        webhook_url=webhook_url,
        retention=retention,
        operator=statement["operator"],
        case_number=statement["case_number"],
    )
    await context.submissions.check_webhook(options, caller.tenant)
    return Submission(caller.tenant, options, idempotency_key, actor=caller.actor)


async def parse_options(
    shared: Annotated[Submission, Depends(parse_batch_options)],
    start_s: Annotated[StartTime | None, _option("start_s")] = None,
    end_s: Annotated[EndTime | None, _option("end_s")] = None,
) -> Submission:
    """Read all options of a single video.

    Raises:
        RequestRejected: 422, the region is empty.
    """
    region = {"start_s": start_s, "end_s": end_s}
    try:
        options = JobOptions(**{**shared.options.model_dump(), **region})
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise RequestRejected("invalid_request", message) from error
    return replace(shared, options=options)


@router.post(
    ANALYZE_PATH,
    status_code=202,
    dependencies=[Depends(reject_query_options)],
    responses={
        202: {
            "headers": {
                "Location": {
                    "description": "URL of the job.",
                    "schema": {"type": "string"},
                    "example": f"/jobs/{JOB_ID}",
                }
            }
        },
        **error_responses(409, 413, 415, 422, 507),
    },
    summary="Submit a video",
)
async def analyze_video(
    context: ContextDep,
    response: Response,
    submission: Annotated[Submission, Depends(parse_options)],
    file: Annotated[
        UploadFile | None, WithJsonSchema(BINARY_SCHEMA), File(description="The video.")
    ] = None,
    storage_url: Annotated[
        str | None,
        Form(
            max_length=1200,
            description="s3://bucket/key in an allowed bucket, or https://… on an allowed host.",
            examples=["s3://uploads/interview.mp4"],
        ),
    ] = None,
    batch_id: Annotated[
        str | None,
        Form(
            pattern=ID_PATTERN,
            description="Random id of a batch that the job joins, for `GET /jobs?batch=`.",
            examples=[BATCH_ID],
        ),
    ] = None,
) -> JobAccepted:
    """Submit one video as a job; poll `status_url` for its status and result."""
    if (file is None) == (storage_url is None):
        raise RequestRejected("invalid_request", ONE_SOURCE_REQUIRED)
    submissions, submission = context.submissions, replace(submission, batch=batch_id)
    if file is not None:
        source = (file.file, file.filename or "", submission)
        job_id, is_new = await _threads.run(submission.tenant, submissions.submit, *source)
    else:
        imported = (submissions.submit_from_url, storage_url or "", submission)
        job_id, is_new = await _threads.run(submission.tenant, *imported)
    status_url = context.status_url(job_id)
    response.headers["Location"] = status_url
    return JobAccepted(job_id=job_id, status_url=status_url, repeated=not is_new)


@router.post(
    BATCH_PATH,
    status_code=202,
    dependencies=[Depends(reject_query_options)],
    responses=error_responses(409, 413, 415, 422, 507),
    summary="Submit several videos",
)
async def analyze_batch(
    context: ContextDep,
    submission: Annotated[Submission, Depends(parse_batch_options)],
    files: Annotated[list[UploadFile], File(description="Videos, or one zip archive of videos.")],
) -> BatchAccepted:
    """Submit up to 50 videos, or a zip archive of them; each file is accepted or refused alone."""
    key = submission.idempotency_key
    batch_id = batch_id_of(submission.tenant, key) if key else new_id()
    submission = replace(submission, batch=batch_id)
    items = await _threads.run(submission.tenant, _submit_files, context, files, submission)
    accepted = sum(item.job_id is not None for item in items)
    return BatchAccepted(
        batch_id=batch_id, accepted=accepted, refused=len(items) - accepted, items=items
    )


def _submit_files(
    context: RequestContext, files: list[UploadFile], submission: Submission
) -> list[BatchItem]:
    if len(files) == 1 and is_zip(files[0].file):
        try:
            return list(_submit_archive(context, files[0], submission))
        except ArchiveError as error:
            name = safe_filename(files[0].filename or "")
            raise RequestRejected("invalid_archive", f"{name}: {error}") from error
    return [
        submit_file(context, upload.file, upload.filename or "", _item(submission, position))
        for position, upload in enumerate(files)
    ]


def submit_file(
    context: RequestContext, stream: BinaryIO, name: str, submission: Submission
) -> BatchItem:
    """Submit one file of a batch; the item states the error if it is refused."""
    try:
        job_id, _ = context.submissions.submit(stream, name, submission)
    except ITEM_ERRORS as error:
        return BatchItem(file=safe_filename(name), error=str(error), code=code_of(error))
    return BatchItem(file=safe_filename(name), job_id=job_id, status_url=context.status_url(job_id))


def _submit_archive(
    context: RequestContext, upload: UploadFile, submission: Submission
) -> Iterator[BatchItem]:
    settings = context.services.settings
    limits = ZipLimits(settings.batch_files, settings.max_upload_bytes)
    for position, (name, stream) in enumerate(iter_members(upload.file, limits)):
        with stream:
            yield submit_file(context, stream, name, _item(submission, position))


def _item(batch: Submission, position: int) -> Submission:
    """Return the submission of one file of a batch, with an idempotency key of its own."""
    key = batch.idempotency_key
    return replace(batch, idempotency_key=key and batch_item_key(key, position))
