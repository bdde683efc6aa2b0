"""Whether the service lives, whether it is ready, and its numbers."""

from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from bento.api.dependencies import ContextDep
from bento.api.schemas import error_responses
from bento.metrics.prometheus import render_metrics

EXAMPLE = "unmask_queue_length 0\n"
OPEN: dict[str, Any] = {"security": []}  # no key is needed

router = APIRouter(default_response_class=Response)


@router.get("/livez", responses=error_responses(), summary="Does it live", openapi_extra=OPEN)
def livez() -> Response:
    """The process answers; BentoML, where it serves this, answers in place of it."""
    return PlainTextResponse("\n")


@router.get("/readyz", responses=error_responses(), summary="Is it ready", openapi_extra=OPEN)
def readyz(desk: ContextDep) -> Response:
    """The database answers, too, and the worker runs; else 503."""
    with desk.parts.engine.connect():
        return PlainTextResponse("\n")


@router.get(
    "/metrics",
    responses={
        200: {
            "description": "Prometheus's text format, the same from every machine of a fleet.",
            "content": {"text/plain": {"example": EXAMPLE}},
        },
        **error_responses(),
    },
    summary="Numbers for Prometheus",
)
async def metrics(desk: ContextDep) -> Response:
    """Queue length, jobs and failures by kind, seconds of work by stage, webhooks."""
    return PlainTextResponse(await run_sync(render_metrics, desk.parts.engine))
