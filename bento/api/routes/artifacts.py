"""What can be taken away: the report as JSON and PDF, evidence pictures, the upload itself."""

from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from bento.api.dependencies import ContextDep, RequestContext, TenantDep
from bento.api.routes.jobs import JobId
from bento.api.schemas import error_responses, report_response
from bento.db.models import Job
from unmask.serving.report.schema import Report

# by how a container begins; a sender's word for it is not repeated
CONTAINER_MAGIC = {
    b"ftyp": (4, "video/mp4"),
    b"\x1aE\xdf\xa3": (0, "video/webm"),
    b"OggS": (0, "video/ogg"),
}
VIDEOS = (*(kind for _, kind in CONTAINER_MAGIC.values()), "application/octet-stream")

router = APIRouter(prefix="/jobs/{job_id}")

Expires = Annotated[
    str | None, Query(max_length=16, description="Of a signed address.", examples=["1777888800"])
]
Signature = Annotated[
    str | None,
    Query(max_length=64, description="Of a signed address.", examples=["9f86d081884c7d65"]),
]
Name = Annotated[
    str,
    Path(pattern="^[A-Za-z0-9_-]{1,80}$", description="As the job gives it.", examples=["sound"]),
]


def _binary(words: str, *media_types: str) -> dict[str, Any]:
    schema = {"schema": {"type": "string", "format": "binary"}}
    return {"description": words, "content": dict.fromkeys(media_types, schema)}


@router.get(
    "/report.json",
    responses={**report_response(), **error_responses(404, 409, 422)},
    summary="The report as JSON",
)
def report_json(desk: ContextDep, tenant: TenantDep, job_id: JobId, response: Response) -> Report:
    """The result alone, as a file."""
    response.headers["Content-Disposition"] = f'attachment; filename="unmask-{job_id[:8]}.json"'
    return Report.model_validate(_done(desk.job(tenant, job_id)).result)


@router.get(
    "/report.pdf",
    response_class=Response,
    responses={200: _binary("The report.", "application/pdf"), **error_responses(404, 409, 422)},
    summary="The report as PDF",
)
def report_pdf(desk: ContextDep, tenant: TenantDep, job_id: JobId) -> Response:
    """The result to print: what the score means, which detector, and what it cannot know."""
    from bento.reports.pdf import report_pdf

    job = _done(desk.job(tenant, job_id))
    pictures = [(name, _bytes(desk, f"{job.id}/evidence/{name}.png")) for name in job.evidence]
    content = report_pdf(job, Report.model_validate(job.result), pictures)
    named = {"Content-Disposition": f'attachment; filename="unmask-{job_id[:8]}.pdf"'}
    return Response(content, media_type="application/pdf", headers=named)


@router.get(
    "/evidence/{name}.png",
    response_class=Response,
    responses={200: _binary("The picture.", "image/png"), **error_responses(404, 422)},
    summary="An evidence picture",
)
def evidence_image(
    desk: ContextDep,
    request: Request,
    job_id: JobId,
    name: Name,
    expires: Expires = None,
    signature: Signature = None,
) -> Response:
    """A picture; with a signed address from `evidence`, or with a key."""
    _check_allowed(desk, request, (expires, signature))
    key = f"{job_id}/evidence/{name}.png"
    if not desk.parts.store.exists(key):
        raise HTTPException(404, "there is no such picture")
    return Response(_bytes(desk, key), media_type="image/png")


@router.get(
    "/video",
    response_class=Response,
    responses={
        200: _binary("The upload.", *VIDEOS),
        206: _binary("The range of it that was asked for.", *VIDEOS, "multipart/byteranges"),
        307: {"description": "It lies in a store, at this address."},
        416: {"description": "There is no such range."},
        **error_responses(404, 422),
    },
    summary="The upload",
)
def video(
    desk: ContextDep,
    request: Request,
    job_id: JobId,
    expires: Expires = None,
    signature: Signature = None,
) -> Response:
    """The video itself, to be looked at; with a signed address from `video_url`, or with a key."""
    _check_allowed(desk, request, (expires, signature))
    key, store = f"{job_id}/upload", desk.parts.store
    if not store.exists(key):
        raise HTTPException(404, "the upload is not kept any more")
    if not store.local:
        return RedirectResponse(store.signed_url(key, "", desk.parts.settings.link_minutes * 60))
    with store.open(key) as file:
        kind = _kind(file)
    with store.local_copy(key) as path:
        return FileResponse(path, media_type=kind)


def _check_allowed(
    desk: RequestContext, request: Request, signed: tuple[str | None, str | None]
) -> None:
    """Either the address is signed, or the job is the caller's."""
    expires, signature = (part or "" for part in signed)
    if desk.parts.store.verify_url(request.url.path, expires, signature):
        return
    if request.state.tenant is None:
        raise HTTPException(403, "this address does not work any more; ask for the job again")
    desk.job(request.state.tenant, request.path_params["job_id"])


def _done(job: Job) -> Job:
    if not job.result:
        raise HTTPException(409, f"the job is {job.status}; there is a report once it is done")
    return job


def _bytes(desk: RequestContext, key: str) -> bytes:
    with desk.parts.store.open(key) as file:
        return file.read()


def _kind(file: BinaryIO) -> str:
    start = file.read(16)
    for magic, (place, kind) in CONTAINER_MAGIC.items():
        if start[place : place + len(magic)] == magic:
            return kind
    return "application/octet-stream"
