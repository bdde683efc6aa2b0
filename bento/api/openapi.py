"""Helpers that describe responses in the OpenAPI document."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from bento.api import examples
from bento.api.error_response import MEDIA_TYPE
from bento.api.schemas import ApiModel, Problem
from bento.webhooks.payload import JobEndedEvent

Responses = dict[int | str, dict[str, Any]]

DOCUMENT: dict[str, Any] = {
    "summary": "Audio-visual deepfake detection for videos of talking people.",
    "description": "Submit a video, follow its job and read the report. "
    "Paths without `/v1` answer the same, for clients that were written before it.",
    "contact": {"name": "unmask developers"},
    "license_info": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "openapi_tags": [
        {"name": "analysis", "description": "Submit videos."},
        {"name": "jobs", "description": "List, follow, cancel and delete jobs."},
        {"name": "results", "description": "Reports, evidence images and the uploaded video."},
        {"name": "service", "description": "Limits, health and metrics of the service."},
        {"name": "webhooks", "description": "Requests that the service sends."},
    ],
}
SERVER = "This service, version 1 of its API."
FASTAPI_SCHEMAS = ("HTTPValidationError", "ValidationError")  # replaced by Problem
REPORT_SCHEMA = {"$ref": "#/components/schemas/Report"}
PROBLEM_SCHEMA = {"$ref": "#/components/schemas/Problem"}
DESCRIPTIONS = {
    400: "The request is malformed.",
    401: "The API key is missing, unknown or expired.",
    403: "Without API keys, only loopback requests are accepted; or the key lacks a scope.",
    404: "The job, or the requested part of it, does not exist or belongs to another tenant.",
    409: "The job's status does not allow this, or the Idempotency-Key belongs to another file.",
    413: "The upload exceeds the size limit.",
    415: "The request is not multipart/form-data.",
    422: "The request is invalid; `detail` states why.",
    429: "The rate limit is exceeded or the queue is full; retry after `Retry-After` seconds.",
    500: "Internal error.",
    503: "The service is starting, or the database or object store is unavailable.",
    507: "The disk, or the tenant's share of it, is full; retry after `Retry-After` seconds.",
}
RETRY_HEADERS = {
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}, "example": 5},
    "RateLimit": {
        "description": "For each rate limit: requests that remain (`r`), and seconds until all of "
        "it is available again (`t`). Every response has it.",
        "schema": {"type": "string"},
        "example": '"requests";r=0;t=60',
    },
    "RateLimit-Policy": {
        "description": "For each rate limit: requests (`q`) in a window of seconds (`w`).",
        "schema": {"type": "string"},
        "example": '"requests";q=6000;w=60',
    },
}
COMMON_STATUSES = {400, 401, 403, 429, 503}


def error_responses(*statuses: int) -> Responses:
    """Describe a route's error responses: ``statuses`` and those that every route can return."""
    responses: Responses = {
        status: {"model": Problem, "description": DESCRIPTIONS[status]}
        for status in sorted({*COMMON_STATUSES, *statuses})
    }
    responses[429]["headers"] = RETRY_HEADERS
    return responses


def report_response() -> Responses:
    """Describe the response of a route that returns a report."""
    return {200: {"content": {"application/json": {"example": examples.REPORT}}}}


def binary_response(description: str, *media_types: str) -> dict[str, Any]:
    """Describe a response whose body is a file of one of ``media_types``."""
    schema = {"schema": {"type": "string", "format": "binary"}}
    return {"description": description, "content": dict.fromkeys(media_types, schema)}


class DocumentedApi(FastAPI):
    """An application whose OpenAPI document describes errors as they are sent."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, built once."""
        if not self.openapi_schema:
            document = super().openapi()
            _describe_errors(document)
            _restore_nulls(document)
            _simplify_tuples(document)
        return super().openapi()


def _describe_errors(document: dict[str, Any]) -> None:
    """Give problems their media type, which FastAPI cannot, and drop FastAPI's own errors."""
    for response in _responses(document):
        _split_problem(response.get("content", {}))
    for name in FASTAPI_SCHEMAS:
        document["components"]["schemas"].pop(name, None)
    for methods in document["webhooks"].values():  # the receiver's answers, not ours
        received = {"2XX": {"description": "The event was received."}}
        methods["post"] |= {"security": [], "responses": received}


def _restore_nulls(document: dict[str, Any]) -> None:
    """Write the examples again with their nulls, which FastAPI drops even in required fields."""
    schemas = document["components"]["schemas"]
    models: list[type[BaseModel]] = [*ApiModel.__subclasses__(), JobEndedEvent]
    for model in models:
        if model.__name__ in schemas and isinstance(
            extra := model.model_config.get("json_schema_extra"), dict
        ):
            schemas[model.__name__].update(extra)
    for response in _responses(document):
        content = response.get("content", {}).get("application/json", {})
        if content.get("schema") == REPORT_SCHEMA:
            content["example"] = examples.REPORT


def _simplify_tuples(node: Any) -> None:
    """Describe a tuple of one type by its items, which more generators of clients understand."""
    if isinstance(node, list):
        for item in node:
            _simplify_tuples(item)
    elif isinstance(node, dict):
        first, *others = node.get("prefixItems") or [None]
        if first is not None and all(other == first for other in others):
            del node["prefixItems"]
            node["items"] = first
        for item in node.values():
            _simplify_tuples(item)


def _responses(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        for operation in methods.values():
            yield from operation["responses"].values()


def _split_problem(content: dict[str, Any]) -> None:
    schemas = content.get("application/json", {}).get("schema", {})
    choices = schemas.get("anyOf", [schemas])
    others = [choice for choice in choices if choice != PROBLEM_SCHEMA]
    if len(others) == len(choices):
        return
    content[MEDIA_TYPE] = {"schema": PROBLEM_SCHEMA}
    if others:
        content["application/json"]["schema"] = others[0]
    else:
        del content["application/json"]
