"""Files of a job: report as JSON and PDF, evidence images and the uploaded video."""

from typing import Annotated, BinaryIO

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response

from bento.api.dependencies import Caller, CallerDep, ContextDep, JobId, RequestContext
from bento.api.error_response import RequestRejected
from bento.api.openapi import binary_response, error_responses, report_response
from bento.api.thread_limit import ThreadLimit
from bento.db.audit_log import Action
from bento.db.models import Job
from bento.db.stored_values import read_report
from bento.storage.keys import evidence_key, upload_key
from unmask.serving.report.schema import Report

IMAGE_NOT_FOUND = "image not found; the job lists its images under `evidence`"
UPLOAD_NOT_FOUND = "the upload is no longer stored"
OTHER_RELEASE = (
    "another release of the service made this report, and this one cannot print it; get report.json"
)
LINK_EXPIRED = "the signed URL is invalid or has expired; GET /jobs/{id} returns a new one"
# magic bytes of a container and their offset; a media type stated by the client is not trusted
CONTAINER_MAGIC = {
    b"ftyp": (4, "video/mp4"),
    b"\x1aE\xdf\xa3": (0, "video/webm"),
    b"OggS": (0, "video/ogg"),
}
VIDEO_TYPES = (*(kind for _, kind in CONTAINER_MAGIC.values()), "application/octet-stream")

TOO_MANY_PDFS = "too many of your reports wait to be printed; retry later"
MAX_WAITING_PDFS = 20  # of one tenant; a client that leaves does not take its request along
# making a PDF takes about a second of computing
_pdf_threads = ThreadLimit(2, per_tenant=1)

router = APIRouter(prefix="/jobs/{job_id}", tags=["results"])

Expires = Annotated[
    str | None,
    Query(max_length=16, description="Part of a signed URL.", examples=["1777888800"]),
]
Signature = Annotated[
    str | None,
    Query(max_length=64, description="Part of a signed URL.", examples=["9f86d081884c7d65"]),
]
ImageName = Annotated[
    str,
    Path(
        pattern="^[A-Za-z0-9_-]{1,80}$",
        description="Name of the image, as listed under `evidence`.",
        examples=["sound"],
    ),
]


@router.get(
    "/report.json",
    response_model=Report,
    responses={**report_response(), **error_responses(404, 409, 422)},
    summary="Get the report as JSON",
)
def get_report(context: ContextDep, caller: CallerDep, job_id: JobId) -> Response:
    """Return the result as a file, in the schema of the release that made it."""
    job = _require_result(context.get_job(caller.tenant, job_id))
    context.record(caller, Action.DOWNLOAD_JSON, job_id)
    headers = {"Content-Disposition": _attachment(job_id, "json")}
    return JSONResponse(job.result, headers=headers)


@router.get(
    "/report.pdf",
    response_class=Response,
    responses={
        200: binary_response("The report.", "application/pdf"),
        **error_responses(404, 409, 422),
    },
    summary="Get the report as PDF",
)
async def get_report_pdf(context: ContextDep, caller: CallerDep, job_id: JobId) -> Response:
    """Return the result as a document: verdict, meaning, evidence, detector and limitations."""
    tenant = caller.tenant
    if _pdf_threads.waiting(tenant) >= MAX_WAITING_PDFS:
        raise RequestRejected("too_many_waiting", TOO_MANY_PDFS)
    content = await _pdf_threads.run(tenant, _render_pdf, context, caller, job_id)
    headers = {"Content-Disposition": _attachment(job_id, "pdf")}
    return Response(content, media_type="application/pdf", headers=headers)


def _render_pdf(context: RequestContext, caller: Caller, job_id: str) -> bytes:
    from bento.reports.pdf import report_pdf

    job = _require_result(context.get_job(caller.tenant, job_id))
    report = read_report(job.result)
    if report is None:
        raise RequestRejected("report_of_other_release", OTHER_RELEASE)
    context.record(caller, Action.DOWNLOAD_PDF, job_id)
    keys = {name: evidence_key(job.id, name) for name in job.evidence}
    stored = {name: key for name, key in keys.items() if context.services.store.exists(key)}
    images = [(name, _read_object(context, key)) for name, key in stored.items()]
    return report_pdf(job, report, images)


@router.get(
    "/evidence/{name}.png",
    response_class=Response,
    responses={200: binary_response("The image.", "image/png"), **error_responses(404, 422)},
    summary="Get an evidence image",
)
def get_evidence_image(
    context: ContextDep,
    request: Request,
    job_id: JobId,
    name: ImageName,
    expires: Expires = None,
    signature: Signature = None,
) -> Response:
    """Return an image, given a signed URL from `evidence` or an API key."""
    _check_access(context, request, expires, signature)
    key = evidence_key(job_id, name)
    if not context.services.store.exists(key):
        raise RequestRejected("image_not_found", IMAGE_NOT_FOUND)
    return Response(_read_object(context, key), media_type="image/png")


@router.get(
    "/video",
    response_class=Response,
    responses={
        200: binary_response("The upload.", *VIDEO_TYPES),
        206: binary_response("The requested range.", *VIDEO_TYPES, "multipart/byteranges"),
        307: {"description": "Redirect to the object store."},
        416: {"description": "The range lies outside the file."},
        **error_responses(404, 422),
    },
    summary="Get the uploaded video",
)
def get_video(
    context: ContextDep,
    request: Request,
    job_id: JobId,
    expires: Expires = None,
    signature: Signature = None,
) -> Response:
    """Return the video for playback, given a signed URL from `video_url` or an API key."""
    _check_access(context, request, expires, signature)
    key, services = upload_key(job_id), context.services
    store = services.store
    if not store.exists(key):
        raise RequestRejected("upload_not_found", UPLOAD_NOT_FOUND)
    if not store.local:
        return RedirectResponse(store.signed_url(key, "", services.settings.link_minutes * 60))
    with store.open(key) as file:
        media_type = _media_type(file)
    with store.local_copy(key) as path:
        return FileResponse(path, media_type=media_type)


def _check_access(
    context: RequestContext, request: Request, expires: str | None, signature: str | None
) -> None:
    """Require a valid signature, or that the job belongs to the caller."""
    store = context.services.store
    if store.verify_url(request.url.path, expires or "", signature or ""):
        return
    if request.state.tenant is None:
        raise RequestRejected("link_expired", LINK_EXPIRED)
    context.get_job(request.state.tenant, request.path_params["job_id"])


def _require_result(job: Job) -> Job:
    if not job.result:
        message = f"the job is {job.status}; a report exists once it is done"
        raise RequestRejected("report_not_ready", message)
    return job


def _attachment(job_id: str, suffix: str) -> str:
    return f'attachment; filename="unmask-{job_id[:8]}.{suffix}"'


def _read_object(context: RequestContext, key: str) -> bytes:
    with context.services.store.open(key) as file:
        return file.read()


def _media_type(file: BinaryIO) -> str:
    start = file.read(16)
    for magic, (offset, media_type) in CONTAINER_MAGIC.items():
        if start[offset : offset + len(magic)] == magic:
            return media_type
    return "application/octet-stream"
