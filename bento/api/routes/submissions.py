"""A video comes in: one to wait for, one as a job, or many."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, HTTPException, Response, UploadFile
from fastapi import Request as FormRequest
from pydantic import ValidationError, WithJsonSchema

from bento.api.dependencies import ContextDep, RequestContext, TenantDep
from bento.api.schemas import (
    ADDRESS,
    JOB_ID,
    LATEST_S,
    BatchAccepted,
    BatchItem,
    JobAccepted,
    JobOptions,
    Retention,
    error_responses,
)
from bento.api.streaming_multipart import StreamingUploadRoute
from bento.jobs.repository import QueueFullError, new_id
from bento.uploads.submission import Submission, UploadTooLargeError, safe_filename
from bento.uploads.zip_archive import InvalidArchiveError, is_zip, iter_members
from unmask.errors import MediaError

WANTED = "send one video as multipart field `file`, or its address as `storage_url`"
KEY = r"^[\x21-\x7e]{1,200}$"

# as tools know an upload that may be left out
BINARY = {"type": "string", "format": "binary"}

router = APIRouter(route_class=StreamingUploadRoute)


@dataclass(frozen=True, slots=True)
class SubmissionForm:
    """What the form and the headers ask for.

    Attributes:
        options: Fields of :class:`bento.api.schemas.Options`.
    """

    options: dict[str, Any]
    idempotency_key: str | None = None


async def _reject_ambiguous_options(request: FormRequest) -> None:
    """Refuse an option that would be lost without a word: `retention` above all."""
    names = [name for name, _ in (await request.form()).multi_items()]
    for known in (*JobOptions.model_fields, "storage_url", "file"):
        given = [name for name in names if name.lower() == known]
        if known in request.query_params:
            raise HTTPException(422, f"{known}: send it in the form, not in the address")
        if len(given) > 1:
            raise HTTPException(422, f"{known}: is given {len(given)} times; send it once")
        if given and given != [known]:
            raise HTTPException(422, f"{given[0]}: wanted {known}, in small letters")


async def _parse_batch_options(
    webhook_url: Annotated[
        str | None,
        Form(
            max_length=2000,
            pattern=ADDRESS,
            description="Told when the job ends; signed with HMAC.",
            examples=["https://example.org/unmask"],
        ),
    ] = None,
    retention: Annotated[
        Retention,
        Form(
            description=str(JobOptions.model_fields["retention"].description),
            examples=["delete_upload"],
        ),
    ] = "keep",
) -> SubmissionForm:
    return SubmissionForm(_options(webhook_url=webhook_url, retention=retention))


async def _parse_options(
    kept: Annotated[SubmissionForm, Depends(_parse_batch_options)],
    start_s: Annotated[
        float | None,
        Form(
            ge=0.0,
            le=LATEST_S,
            allow_inf_nan=False,
            description="Region's begin.",
            examples=[12.5],
        ),
    ] = None,
    end_s: Annotated[
        float | None,
        Form(
            gt=0.0,
            le=LATEST_S,
            allow_inf_nan=False,
            description="Region's end.",
            examples=[30.0],
        ),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern=KEY,
            description="The same key and file give the same job.",
            examples=["interview-2026-05-04"],
        ),
    ] = None,
) -> SubmissionForm:
    return SubmissionForm(_options(**kept.options, start_s=start_s, end_s=end_s), idempotency_key)


@router.post(
    "/analyze-video",
    status_code=202,
    dependencies=[Depends(_reject_ambiguous_options)],
    responses={
        202: {
            "headers": {
                "Location": {
                    "description": "Where to ask how it goes.",
                    "schema": {"type": "string"},
                    "example": f"/jobs/{JOB_ID}",
                }
            }
        },
        **error_responses(409, 413, 415, 422),
    },
    summary="Submit a video",
)
def analyze_video(
    desk: ContextDep,
    tenant: TenantDep,
    response: Response,
    wish: Annotated[SubmissionForm, Depends(_parse_options)],
    file: Annotated[
        UploadFile | None, WithJsonSchema(BINARY), File(description="The video.")
    ] = None,
    storage_url: Annotated[
        str | None,
        Form(
            max_length=1200,
            description="s3://bucket/key of an allowed bucket.",
            examples=["s3://uploads/interview.mp4"],
        ),
    ] = None,
) -> JobAccepted:
    """Take one video and make a job of it; ask `status_url` how it goes."""
    desk.check_webhook(wish.options)
    request = Submission(tenant, wish.options, wish.idempotency_key)
    if (file is None) == (storage_url is None):
        raise HTTPException(422, WANTED)
    if file is not None:
        job_id, new = desk.intake.submit(file.file, file.filename or "", request)
    else:
        job_id, new = desk.intake.submit_from_bucket(storage_url or "", request)
    status_url = f"/jobs/{job_id}"
    response.headers["Location"] = status_url
    return JobAccepted(job_id=job_id, status_url=status_url, repeated=not new)


@router.post(
    "/batch",
    status_code=202,
    dependencies=[Depends(_reject_ambiguous_options)],
    responses=error_responses(413, 415, 422),
    summary="Submit many videos",
)
def batch(
    desk: ContextDep,
    tenant: TenantDep,
    wish: Annotated[SubmissionForm, Depends(_parse_batch_options)],
    files: Annotated[list[UploadFile], File(description="Videos, or one zip of videos.")],
) -> BatchAccepted:
    """Take up to 50 videos, or a zip of them; what is refused is said file by file."""
    desk.check_webhook(wish.options)
    request = Submission(tenant, wish.options, batch=new_id())
    if len(files) == 1 and is_zip(files[0].file):
        try:
            items = list(_from_archive(desk, files[0], request))
        except InvalidArchiveError as error:
            raise HTTPException(
                422, f"{safe_filename(files[0].filename or '')}: {error}"
            ) from error
    else:
        items = [_submit_file(desk, one.file, one.filename or "", request) for one in files]
    accepted = sum(item.job_id is not None for item in items)
    return BatchAccepted(
        batch_id=str(request.batch),
        accepted=accepted,
        refused=len(items) - accepted,
        items=items,
    )


def _from_archive(
    desk: RequestContext, upload: UploadFile, request: Submission
) -> Iterator[BatchItem]:
    settings = desk.parts.settings
    limits = (settings.batch_files, settings.max_upload_bytes)
    for name, stream in iter_members(upload.file, *limits):
        with stream:
            yield _submit_file(desk, stream, name, request)


def _submit_file(desk: RequestContext, stream: Any, name: str, request: Submission) -> BatchItem:
    try:
        job_id, _ = desk.intake.submit(stream, name, request)
    except (MediaError, UploadTooLargeError, InvalidArchiveError, QueueFullError) as error:
        return BatchItem(file=safe_filename(name), error=str(error))
    return BatchItem(file=safe_filename(name), job_id=job_id, status_url=f"/jobs/{job_id}")


def _options(**given: Any) -> dict[str, Any]:
    try:
        return JobOptions(**given).model_dump(exclude_none=True)
    except ValidationError as error:
        raise HTTPException(422, error.errors()[0]["msg"].removeprefix("Value error, ")) from error
