"""The application: routes, what every request passes, and one line of JSON for every refusal."""

import logging
import re
import shutil
import tempfile
from pathlib import Path
from typing import Annotated, BinaryIO

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import Depends, FastAPI, File, Header, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.security import APIKeyHeader, HTTPBearer
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException as RoutingError

from bento.api.dependencies import AnalyzerProtocol
from bento.api.middleware.admission import (
    BATCH,
    RETRY_S,
    AdmissionMiddleware,
    BodySizeLimitMiddleware,
)
from bento.api.middleware.security import error_response
from bento.api.routes import artifacts, frontend, health, jobs, limits, submissions
from bento.api.schemas import JOB_ID, JobEndedEvent, error_responses, report_response
from bento.jobs.repository import IdempotencyError, QueueFullError
from bento.paths import FRONTEND_DIR
from bento.sandbox.runner import AnalysisCrashedError
from bento.security.api_keys import ApiKeyStore
from bento.settings import ServiceSettings
from bento.storage.object_store import StorageUnavailableError
from bento.uploads.submission import UploadTooLargeError
from bento.webhooks.delivery import WebhookUrlError
from unmask import __version__
from unmask.errors import MediaError, UnmaskError
from unmask.serving.report.schema import Report

WANTED = "send one video as multipart field `file`"
WANTED_MANY = "send videos, or one zip of videos, as multipart fields `files`"
STATUS: dict[type[UnmaskError], int] = {
    MediaError: 422,
    WebhookUrlError: 422,
    AnalysisCrashedError: 422,
    UploadTooLargeError: 413,
    IdempotencyError: 409,
    QueueFullError: 429,
    StorageUnavailableError: 503,
}
# Swagger UI writes styles into its elements and icons into its styles
DRAWN = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
)
NO_DATABASE = "the database does not answer; try again soon"
BROKEN = "the service failed; try again, and if it stays so, tell who runs it"
NOT_SET_UP = "the service is not set up right; its log says why"
log = logging.getLogger(__name__)
# for the document alone: `Guard` has looked at the key before anything is read
KEYS = (
    HTTPBearer(auto_error=False, description="An API key; none is needed where none was made."),
    APIKeyHeader(name="X-API-Key", auto_error=False, description="The same, in another header."),
)
MOST_WAITING = 20
# the detector works on one file at a time; who comes second waits
_turns = CapacityLimiter(2)


def create_app(settings: ServiceSettings) -> FastAPI:
    """The application; who serves it puts ``desk`` and ``analyzer`` into its state."""
    # FastAPI's own page of all routes would load scripts from elsewhere, as BentoML's at `/` does
    app = FastAPI(
        title="unmask",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(key) for key in KEYS],
    )

    def room(tenant: str, idempotency_key: str | None) -> int:
        return int(app.state.desk.parts.ledger.check_room(tenant, idempotency_key))

    most = {"max_mib": settings.max_upload_mib, "max_batch_mib": settings.max_batch_mib}
    app.add_middleware(BodySizeLimitMiddleware, **most)
    app.add_middleware(
        AdmissionMiddleware,
        keyring=ApiKeyStore(settings.api_keys_file),
        room=room,
        submits=settings.submits_per_minute,
        requests=settings.requests_per_minute,
    )
    refusals = error_responses(413, 415, 422, 500)
    app.post("/predict", responses={**report_response(), **refusals}, summary="Analyze and wait")(
        predict
    )
    app.get("/docs", include_in_schema=False)(api_docs)
    app.webhooks.post("job-ended", summary="Sent to `webhook_url`")(webhook_job_ended)
    routers = (submissions, jobs, artifacts, limits, health, frontend)
    for routes in (one.router for one in routers):
        app.include_router(routes)
    app.add_exception_handler(UnmaskError, _handle_domain_error)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(RoutingError, _refused)
    app.add_exception_handler(OperationalError, _no_database)
    app.add_exception_handler(Exception, _handle_unexpected_error)
    return app


async def predict(
    request: Request, file: Annotated[UploadFile, File(description="The video.")]
) -> Report:
    """Analyze one short video while the caller waits; the file is deleted with the answer."""
    analyzer: AnalyzerProtocol = request.app.state.analyzer
    if _turns.statistics().tasks_waiting >= MOST_WAITING:
        words = "too many wait for an answer; try again later, or submit it to /analyze-video"
        raise RoutingError(429, words, {"Retry-After": str(RETRY_S)})
    name = Path(file.filename or "upload").name
    return await run_sync(_analyze, analyzer, file.file, name, limiter=_turns)


async def webhook_job_ended(
    body: JobEndedEvent,
    timestamp: Annotated[
        str,
        Header(
            alias="Unmask-Timestamp",
            description="Seconds since 1970; refuse what is older than a few minutes.",
            examples=["1777888800"],
        ),
    ],
    signature: Annotated[
        str,
        Header(
            alias="Unmask-Signature",
            description="`v1=` and the HMAC-SHA256, in hexadecimal, of `<timestamp>.<body>` under "
            "the secret that `python -m bento.security.api_keys` printed.",
            examples=["v1=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        ),
    ],
    delivery: Annotated[
        str,
        Header(
            alias="Unmask-Delivery",
            description="The job, the same when a webhook is sent again.",
            examples=[JOB_ID],
        ),
    ],
) -> None:
    """Answer with 2xx; anything else, or nothing within 15 s, and it is sent again, ever later."""


async def api_docs() -> FileResponse:
    """All routes; unlike BentoML's own page of them it loads nothing from elsewhere."""
    return FileResponse(FRONTEND_DIR / "docs.html", headers={"Content-Security-Policy": DRAWN})


def _analyze(analyzer: AnalyzerProtocol, upload: BinaryIO, name: str) -> Report:
    # of the name the sender chose, only a harmless suffix reaches the disk
    suffix = re.fullmatch(r"\.[A-Za-z0-9]{1,8}", Path(name).suffix)
    with tempfile.TemporaryDirectory(prefix="unmask-") as folder:
        path = Path(folder) / f"upload{suffix.group() if suffix else ''}"
        with path.open("wb") as copy:
            shutil.copyfileobj(upload, copy, 2**20)
        return analyzer.analyze(path, shown_as=name)


async def _handle_domain_error(_: Request, error: Exception) -> JSONResponse:
    found = [status for kind, status in STATUS.items() if isinstance(error, kind)]
    if not found:  # about this machine, and its words may name a path of it
        log.error("%s", error)
        return error_response(500, NOT_SET_UP)
    headers = {"Retry-After": str(RETRY_S)} if isinstance(error, QueueFullError) else None
    return error_response(found[0], str(error), headers)


async def _no_database(_: Request, error: Exception) -> JSONResponse:
    log.error("the database: %s", error)
    return error_response(503, NO_DATABASE, {"Retry-After": str(RETRY_S)})


async def _handle_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, OperationalError):  # asked before there was a route
        return await _no_database(request, error)
    return error_response(500, NOT_SET_UP if isinstance(error, UnmaskError) else BROKEN)


async def _not_understood(request: Request, error: Exception) -> JSONResponse:
    if request.method == "POST" and _lacks_upload(error):
        multipart = request.headers.get("content-type", "").startswith("multipart/form-data")
        words = WANTED_MANY if request.url.path == BATCH else WANTED
        return error_response(422 if multipart else 415, words)
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    where = first.get("loc", ("",))[-1]
    return error_response(422, f"{where}: {first.get('msg', 'not understood')}")


def _lacks_upload(error: Exception) -> bool:
    wrong = error.errors() if isinstance(error, RequestValidationError) else []
    return any({"file", "files"} & set(one["loc"]) for one in wrong)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, RoutingError) else 500
    headers = dict(getattr(error, "headers", None) or {})
    return error_response(status, str(getattr(error, "detail", error)), headers)
