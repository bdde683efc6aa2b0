"""The form of every error: a problem document (RFC 9457) with a stable code."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from bento.api.problem_types import PROBLEM_TYPES, code_of_status
from bento.log_records import current_request_id

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:problem-type:unmask:"
RETRY_AFTER_S = 5
PATH_NOT_FOUND = "path not found; /docs lists all routes"
RETRY_STATUSES = (429, 503, 507)  # the same request may succeed later


class ProblemResponse(JSONResponse):
    """A problem document."""

    media_type = MEDIA_TYPE


class RequestRejected(HTTPException):
    """A request that a route or middleware rejects.

    Args:
        code: A key of ``PROBLEM_TYPES``, which tells the status.
        detail: States the subject, what is wrong and the remedy.
    """

    def __init__(self, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(PROBLEM_TYPES[code].status, detail, dict(headers or {}))
        self.code = code

    def to_response(self) -> ProblemResponse:
        """Convert the rejection to its response."""
        return error_response(self.code, self.detail, self.headers)


def error_response(
    code: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[dict[str, str]] = (),
    status: int | None = None,
) -> ProblemResponse:
    """Build an error response; one that invites a retry says when, unless ``headers`` do.

    Args:
        code: A key of ``PROBLEM_TYPES``.
        errors: The invalid parameters, if any.
        status: Where it is not the code's own.
    """
    problem = PROBLEM_TYPES[code]
    status = status or problem.status
    if status in RETRY_STATUSES:
        headers = {"Retry-After": str(RETRY_AFTER_S), **(headers or {})}
    content: dict[str, Any] = {
        "type": TYPE_PREFIX + code,
        "title": problem.title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": current_request_id(),
        "error": detail,  # clients of earlier releases read it
    }
    if errors:
        content["errors"] = list(errors)
    return ProblemResponse(content, status_code=status, headers=headers)


def error_response_of_status(
    status: int, detail: str, headers: Mapping[str, str] | None = None
) -> ProblemResponse:
    """Build the response of an error that is known by its status alone."""
    return error_response(code_of_status(status), detail, headers, status=status)
