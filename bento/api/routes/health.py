"""Health probes and metrics."""

from anyio.to_thread import run_sync
from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from bento.api.dependencies import ContextDep
from bento.api.openapi import error_responses
from bento.metrics.prometheus import CONTENT_TYPE, render_metrics

METRICS_EXAMPLE = "unmask_queue_length 0\n"

router = APIRouter(default_response_class=Response)


@router.get(
    "/livez",
    responses=error_responses(),
    summary="Liveness probe",
)
def livez() -> Response:
    """Report that the process responds; BentoML replaces this route by its own probe."""
    return PlainTextResponse("\n")


@router.get(
    "/readyz",
    responses=error_responses(),
    summary="Readiness probe",
)
def readyz(context: ContextDep) -> Response:
    """Report that the database responds and the worker runs; 503 otherwise."""
    with context.services.engine.connect():
        return PlainTextResponse("\n")


@router.get(
    "/metrics",
    responses={
        200: {
            "description": "Prometheus text format; every machine reports the same numbers.",
            "content": {"text/plain": {"example": METRICS_EXAMPLE}},
        },
        **error_responses(),
    },
    summary="Prometheus metrics",
)
async def metrics(context: ContextDep) -> Response:
    """Return queue length, jobs and failures by kind, processing seconds by stage, webhooks."""
    content = await run_sync(render_metrics, context.services.engine)
    return Response(content, media_type=CONTENT_TYPE)
