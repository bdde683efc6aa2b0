"""Health probes and metrics."""

from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import ConfigDict, Field

from bento.api.dependencies import ContextDep
from bento.api.error_response import RETRY_AFTER_S
from bento.api.openapi import Responses, error_responses
from bento.api.schemas import ApiModel, Problem
from bento.metrics.prometheus import CONTENT_TYPE, render_metrics
from bento.sandbox.confinement import missing_protections

READY: dict[str, Any] = {
    **{"ready": True, "database": True, "disk": True, "worker": True},
    "missing_protections": [],
}
METRICS_EXAMPLE = "unmask_queue_length 0\n"

router = APIRouter(default_response_class=Response, tags=["service"])


class Readiness(ApiModel):
    """What a job needs, and whether it works."""

    model_config = ConfigDict(json_schema_extra={"examples": [READY]})

    ready: bool = Field(description="Whether database, disk and worker work.")
    database: bool = Field(description="Whether the database answers.")
    disk: bool = Field(description="Whether the disk has room for uploads.")
    worker: bool = Field(description="Whether the embedded worker runs, if there is one.")
    missing_protections: list[str] = Field(
        description="What this kernel lacks to confine the decoder: `landlock` for its access to "
        "files, `seccomp` for network and processes. Does not affect `ready`."
    )


NOT_READY: Responses = {
    503: {
        "model": Readiness | Problem,
        "description": "A part does not work, or the service is starting.",
        "content": {"application/json": {"example": {**READY, "ready": False, "disk": False}}},
    }
}


@router.get(
    "/livez",
    responses=error_responses(),
    summary="Liveness probe",
)
async def check_liveness() -> Response:
    """Report that the process responds."""
    return PlainTextResponse("\n")


@router.get(
    "/readyz",
    response_model=Readiness,
    responses={**error_responses(), **NOT_READY},
    summary="Readiness probe",
)
def check_readiness(context: ContextDep) -> Response:
    """Report whether database, disk and embedded worker allow jobs; 503 otherwise."""
    results = context.readiness.run()
    ready = all(results.values())
    content = {"ready": ready, **results, "missing_protections": missing_protections()}
    if ready:
        return JSONResponse(content)
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return JSONResponse(content, status_code=503, headers=headers)


@router.get(
    "/metrics",
    responses={
        200: {
            "description": "Prometheus text format; every machine reports the same numbers.",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": METRICS_EXAMPLE}},
        },
        **error_responses(),
    },
    summary="Prometheus metrics",
)
async def get_metrics(context: ContextDep) -> Response:
    """Return queue length, jobs and failures by kind, processing seconds by stage, webhooks."""
    content = await run_sync(render_metrics, context.services.engine)
    return Response(content, media_type=CONTENT_TYPE)
