"""Exception handlers: domain errors, invalid requests and unexpected failures."""

import logging
from errno import EDQUOT, ENOSPC

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from bento.api.error_response import (
    PATH_NOT_FOUND,
    ProblemResponse,
    RequestRejected,
    error_response,
    error_response_of_status,
)
from bento.api.problem_types import PROBLEM_TYPES
from bento.api.route_paths import BATCH_PATH
from bento.api.validation_messages import describe_invalid
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
    """Make ``app`` answer every error with a problem document."""
    app.add_exception_handler(UnmaskError, handle_domain_error)
    app.add_exception_handler(RequestValidationError, handle_invalid_request)
    app.add_exception_handler(HTTPException, handle_http_error)
    for error in DATABASE_ERRORS:
        app.add_exception_handler(error, handle_database_error)
    app.add_exception_handler(OSError, handle_file_error)
    app.add_exception_handler(Exception, handle_unexpected_error)


async def handle_domain_error(_: Request, error: Exception) -> ProblemResponse:
    """Answer an error of the library or the service with its code."""
    code = code_of(error)
    if PROBLEM_TYPES[code].status == 500:  # of this installation; may name a local path
        log.error("%s", error)
        return error_response(code, MISCONFIGURED)
    return error_response(code, str(error))


async def handle_database_error(_: Request, error: Exception) -> ProblemResponse:
    """Answer with 503 while the database is unreachable or busy, 507 while its disk is full."""
    log.error("database error: %s", error)
    if getattr(getattr(error, "orig", None), "sqlite_errorname", "") == "SQLITE_FULL":
        return error_response("storage_full", DISK_FULL)
    return error_response("database_unavailable", DATABASE_UNAVAILABLE)


async def handle_file_error(request: Request, error: Exception) -> ProblemResponse:
    """Answer with 507 while the disk is full."""
    if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT):
        log.error("the disk is full: %s", error)
        return error_response("storage_full", DISK_FULL)
    log.error("file error", exc_info=error)
    return await handle_unexpected_error(request, error)


async def handle_unexpected_error(request: Request, error: Exception) -> ProblemResponse:
    """Answer with 500; errors raised in middleware arrive here too."""
    if isinstance(error, DATABASE_ERRORS):
        return await handle_database_error(request, error)
    if isinstance(error, UnmaskError):
        return error_response("misconfigured", MISCONFIGURED)
    return error_response("internal_error", INTERNAL_ERROR)


async def handle_invalid_request(request: Request, error: Exception) -> ProblemResponse:
    """Name the invalid parameters, or the missing upload."""
    details = error.errors() if isinstance(error, RequestValidationError) else []
    if request.method == "POST" and any({"file", "files"} & set(item["loc"]) for item in details):
        multipart = request.headers.get("content-type", "").startswith("multipart/form-data")
        message = FILES_REQUIRED if request.url.path == BATCH_PATH else FILE_REQUIRED
        return error_response("invalid_request" if multipart else "multipart_required", message)
    invalid = describe_invalid(details)
    message = "; ".join(f"{item['parameter']}: {item['detail']}" for item in invalid)
    return error_response("invalid_request", message, errors=invalid)


async def handle_http_error(_: Request, error: Exception) -> ProblemResponse:
    """Answer a rejected request, and Starlette's and FastAPI's own errors in the same form."""
    if isinstance(error, RequestRejected):
        return error.to_response()
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(getattr(error, "headers", None) or {})
    message = str(getattr(error, "detail", error))
    return error_response_of_status(status, ROUTING_ERRORS.get(message, message), headers)


def code_of(error: Exception) -> str:
    """Return the code of a domain error."""
    if isinstance(error, MediaError):
        return "unreadable_media"
    if isinstance(error, ArchiveError):
        return "invalid_archive"
    return error.code if isinstance(error, ServiceError) else "misconfigured"
