"""A video comes in: one to wait for, one as a job, or many."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, HTTPException, Response, UploadFile
from fastapi import Request as FormRequest
from pydantic import ValidationError, WithJsonSchema

from bento.api.dependencies import AtDesk, Desk, Tenant
from bento.api.schemas import (
    ADDRESS,
    JOB_ID,
    LATEST_S,
    Batch,
    BatchItem,
    Options,
    Retention,
    Submitted,
    problems,
)
from bento.api.streaming_multipart import ArrivingRoute
from bento.jobs.repository import QueueFullError, new_id
from bento.uploads.submission import Request, TooLargeError, shown
from bento.uploads.zip_archive import NotAnArchiveError, is_archive, members
from unmask.errors import MediaError

WANTED = "send one video as multipart field `file`, or its address as `storage_url`"
KEY = r"^[\x21-\x7e]{1,200}$"

# as tools know an upload that may be left out
BINARY = {"type": "string", "format": "binary"}

router = APIRouter(route_class=ArrivingRoute)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the form and the headers ask for.

    Attributes:
        options: Fields of :class:`bento.api.schemas.Options`.
    """

    options: dict[str, Any]
    idempotency_key: str | None = None


async def _unambiguous(request: FormRequest) -> None:
    """Refuse an option that would be lost without a word: `retention` above all."""
    names = [name for name, _ in (await request.form()).multi_items()]
    for known in (*Options.model_fields, "storage_url", "file"):
        given = [name for name in names if name.lower() == known]
        if known in request.query_params:
            raise HTTPException(422, f"{known}: send it in the form, not in the address")
        if len(given) > 1:
            raise HTTPException(422, f"{known}: is given {len(given)} times; send it once")
        if given and given != [known]:
            raise HTTPException(422, f"{given[0]}: wanted {known}, in small letters")


async def _kept(
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
            description=str(Options.model_fields["retention"].description),
            examples=["delete_upload"],
        ),
    ] = "keep",
) -> Wish:
    return Wish(_options(webhook_url=webhook_url, retention=retention))


async def _wish(
    kept: Annotated[Wish, Depends(_kept)],
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
) -> Wish:
    return Wish(_options(**kept.options, start_s=start_s, end_s=end_s), idempotency_key)


@router.post(
    "/analyze-video",
    status_code=202,
    dependencies=[Depends(_unambiguous)],
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
        **problems(409, 413, 415, 422),
    },
    summary="Submit a video",
)
def analyze_video(
    desk: AtDesk,
    tenant: Tenant,
    response: Response,
    wish: Annotated[Wish, Depends(_wish)],
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
) -> Submitted:
    """Take one video and make a job of it; ask `status_url` how it goes."""
    desk.check_webhook(wish.options)
    request = Request(tenant, wish.options, wish.idempotency_key)
    if (file is None) == (storage_url is None):
        raise HTTPException(422, WANTED)
    if file is not None:
        job_id, new = desk.intake.take(file.file, file.filename or "", request)
    else:
        job_id, new = desk.intake.fetch(storage_url or "", request)
    status_url = f"/jobs/{job_id}"
    response.headers["Location"] = status_url
    return Submitted(job_id=job_id, status_url=status_url, repeated=not new)


@router.post(
    "/batch",
    status_code=202,
    dependencies=[Depends(_unambiguous)],
    responses=problems(413, 415, 422),
    summary="Submit many videos",
)
def batch(
    desk: AtDesk,
    tenant: Tenant,
    wish: Annotated[Wish, Depends(_kept)],
    files: Annotated[list[UploadFile], File(description="Videos, or one zip of videos.")],
) -> Batch:
    """Take up to 50 videos, or a zip of them; what is refused is said file by file."""
    desk.check_webhook(wish.options)
    request = Request(tenant, wish.options, batch=new_id())
    if len(files) == 1 and is_archive(files[0].file):
        try:
            items = list(_from_archive(desk, files[0], request))
        except NotAnArchiveError as error:
            raise HTTPException(422, f"{shown(files[0].filename or '')}: {error}") from error
    else:
        items = [_item(desk, one.file, one.filename or "", request) for one in files]
    accepted = sum(item.job_id is not None for item in items)
    return Batch(
        batch_id=str(request.batch),
        accepted=accepted,
        refused=len(items) - accepted,
        items=items,
    )


def _from_archive(desk: Desk, upload: UploadFile, request: Request) -> Iterator[BatchItem]:
    settings = desk.parts.settings
    limits = (settings.batch_files, settings.max_upload_bytes)
    for name, stream in members(upload.file, *limits):
        with stream:
            yield _item(desk, stream, name, request)


def _item(desk: Desk, stream: Any, name: str, request: Request) -> BatchItem:
    try:
        job_id, _ = desk.intake.take(stream, name, request)
    except (MediaError, TooLargeError, NotAnArchiveError, QueueFullError) as error:
        return BatchItem(file=shown(name), error=str(error))
    return BatchItem(file=shown(name), job_id=job_id, status_url=f"/jobs/{job_id}")


def _options(**given: Any) -> dict[str, Any]:
    try:
        return Options(**given).model_dump(exclude_none=True)
    except ValidationError as error:
        raise HTTPException(422, error.errors()[0]["msg"].removeprefix("Value error, ")) from error
