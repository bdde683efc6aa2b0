"""Exception handlers: domain errors, invalid requests and unexpected failures."""

import logging
from errno import EDQUOT, ENOSPC

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from bento.api.error_response import PATH_NOT_FOUND, error_response
from bento.api.route_paths import BATCH_PATH
from bento.errors import ServiceError
from bento.storage.disk_space import DISK_FULL
from unmask.errors import ArchiveError, MediaError, UnmaskError

FILE_REQUIRED = "upload one video as multipart field `file`"
FILES_REQUIRED = "upload videos, or one zip archive of videos, as multipart field `files`"
DATABASE_UNAVAILABLE = "the database is unavailable; retry in a few seconds"
INTERNAL_ERROR = "internal error; retry, and contact the operator if it persists"
DATABASE_ERRORS = (OperationalError, InterfaceError, PoolTimeoutError)
MISCONFIGURED = "the service is misconfigured; its log states the cause"
# replace Starlette's own words
ROUTING_ERRORS = {
    "Not Found": PATH_NOT_FOUND,
    "Method Not Allowed": "the path does not allow this method; `Allow` lists those that it does",
}

log = logging.getLogger(__name__)


def register_error_handlers(app: FastAPI) -> None:
    """Make ``app`` answer every error with one line of JSON."""
    app.add_exception_handler(UnmaskError, handle_domain_error)
    app.add_exception_handler(RequestValidationError, handle_invalid_request)
    app.add_exception_handler(HTTPException, handle_http_error)
    for error in DATABASE_ERRORS:
        app.add_exception_handler(error, handle_database_error)
    app.add_exception_handler(OSError, handle_file_error)
    app.add_exception_handler(Exception, handle_unexpected_error)


async def handle_domain_error(_: Request, error: Exception) -> JSONResponse:
    """Answer an error of the library or the service with its status."""
    status = _status_of(error)
    if status == 500:  # a fault of this installation; the message may name a local path
        log.error("%s", error)
        return error_response(500, MISCONFIGURED)
    return error_response(status, str(error))


async def handle_database_error(_: Request, error: Exception) -> JSONResponse:
    """Answer with 503 while the database is unreachable or busy, 507 while its disk is full."""
    log.error("database error: %s", error)
    if getattr(getattr(error, "orig", None), "sqlite_errorname", "") == "SQLITE_FULL":
        return error_response(507, DISK_FULL)
    return error_response(503, DATABASE_UNAVAILABLE)


async def handle_file_error(request: Request, error: Exception) -> JSONResponse:
    """Answer with 507 while the disk is full."""
    if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
        log.error("the disk is full: %s", error)
        return error_response(507, DISK_FULL)
    log.error("file error", exc_info=error)
    return await handle_unexpected_error(request, error)


async def handle_unexpected_error(request: Request, error: Exception) -> JSONResponse:
    """Answer with 500; errors raised in middleware arrive here too."""
    if isinstance(error, DATABASE_ERRORS):
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
    message = str(getattr(error, "detail", error))
    return error_response(status, ROUTING_ERRORS.get(message, message), headers)


def _status_of(error: Exception) -> int:
    if isinstance(error, MediaError | ArchiveError):
        return 422
    return error.status if isinstance(error, ServiceError) else 500
