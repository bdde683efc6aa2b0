"""Exception handlers: domain errors, invalid requests and unexpected failures."""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from bento.api.error_response import RETRY_AFTER_S, error_response
from bento.api.route_paths import BATCH_PATH
from bento.errors import QueueFullError, ServiceError
from unmask.errors import MediaError, UnmaskError

FILE_REQUIRED = "upload one video as multipart field `file`"
FILES_REQUIRED = "upload videos, or one zip archive of videos, as multipart field `files`"
DATABASE_UNAVAILABLE = "the database is unavailable; retry in a few seconds"
INTERNAL_ERROR = "internal error; retry, and contact the operator if it persists"
MISCONFIGURED = "the service is misconfigured; its log states the cause"

log = logging.getLogger(__name__)


def register_error_handlers(app: FastAPI) -> None:
    """Make ``app`` answer every error with one line of JSON."""
    app.add_exception_handler(UnmaskError, handle_domain_error)
    app.add_exception_handler(RequestValidationError, handle_invalid_request)
    app.add_exception_handler(HTTPException, handle_http_error)
    app.add_exception_handler(OperationalError, handle_database_error)
    app.add_exception_handler(Exception, handle_unexpected_error)


async def handle_domain_error(_: Request, error: Exception) -> JSONResponse:
    """Answer an error of the library or the service with its status."""
    status = _status_of(error)
    if status == 500:  # a fault of this installation; the message may name a local path
        log.error("%s", error)
        return error_response(500, MISCONFIGURED)
    headers = {"Retry-After": str(RETRY_AFTER_S)} if isinstance(error, QueueFullError) else None
    return error_response(status, str(error), headers)


async def handle_database_error(_: Request, error: Exception) -> JSONResponse:
    """Answer with 503 and Retry-After while the database is unreachable."""
    log.error("database error: %s", error)
    return error_response(503, DATABASE_UNAVAILABLE, {"Retry-After": str(RETRY_AFTER_S)})


async def handle_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    """Answer with 500; errors raised in middleware arrive here too."""
    if isinstance(error, OperationalError):
        return await handle_database_error(request, error)
    return error_response(500, MISCONFIGURED if isinstance(error, UnmaskError) else INTERNAL_ERROR)


async def handle_invalid_request(request: Request, error: Exception) -> JSONResponse:
    """Name the first invalid parameter, or the missing upload."""
    details = error.errors() if isinstance(error, RequestValidationError) else []
    if request.method == "POST" and any({"file", "files"} & set(item["loc"]) for item in details):
        multipart = request.headers.get("content-type", "").startswith("multipart/form-data")
        message = FILES_REQUIRED if request.url.path == BATCH_PATH else FILE_REQUIRED
        return error_response(422 if multipart else 415, message)
    first = details[0] if details else {}
    parameter = first.get("loc", ("",))[-1]
    return error_response(422, f"{parameter}: {first.get('msg', 'invalid value')}")


async def handle_http_error(_: Request, error: Exception) -> JSONResponse:
    """Answer Starlette's and FastAPI's own errors in the common form."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(getattr(error, "headers", None) or {})
    return error_response(status, str(getattr(error, "detail", error)), headers)


def _status_of(error: Exception) -> int:
    if isinstance(error, MediaError):
        return 422
    return error.status if isinstance(error, ServiceError) else 500
