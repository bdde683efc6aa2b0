"""Helpers that describe responses in the OpenAPI document."""

from typing import Any

from bento.api import examples
from bento.api.schemas import ErrorResponse

Responses = dict[int | str, dict[str, Any]]

DESCRIPTIONS = {
    400: "The request is malformed.",
    401: "The API key is missing or unknown.",
    403: "Without API keys, only loopback requests are accepted; metrics need an operator's key.",
    404: "The job, or the requested part of it, does not exist or belongs to another tenant.",
    409: "The job's status does not allow this, or the Idempotency-Key belongs to another file.",
    413: "The upload exceeds the size limit.",
    415: "The request is not multipart/form-data.",
    422: "The request is invalid; `error` states why.",
    429: "The rate limit is exceeded or the queue is full; retry after `Retry-After` seconds.",
    500: "Internal error.",
    503: "The service is starting, or the database or object store is unavailable.",
    507: "The disk, or the tenant's share of it, is full; retry after `Retry-After` seconds.",
}
COMMON_STATUSES = {400, 401, 403, 429, 503}


def error_responses(*statuses: int) -> Responses:
    """Describe a route's error responses: ``statuses`` and those that every route can return."""
    responses: Responses = {
        status: {"model": ErrorResponse, "description": DESCRIPTIONS[status]}
        for status in sorted({*COMMON_STATUSES, *statuses})
    }
    responses[429]["headers"] = {
        "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}, "example": 5}
    }
    return responses


def report_response() -> Responses:
    """Describe the response of a route that returns a report."""
    return {200: {"content": {"application/json": {"example": examples.REPORT}}}}


def binary_response(description: str, *media_types: str) -> dict[str, Any]:
    """Describe a response whose body is a file of one of ``media_types``."""
    schema = {"schema": {"type": "string", "format": "binary"}}
    return {"description": description, "content": dict.fromkeys(media_types, schema)}
