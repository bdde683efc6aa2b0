"""Jobs: how they go, which there are, and their end."""

from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import urlencode

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from bento.api.dependencies import NO_JOB, ContextDep, RequestContext, TenantDep, to_summary
from bento.api.schemas import (
    BATCH_ID,
    EVENT_EXAMPLE,
    JOB_ID,
    JobDeleted,
    JobDetail,
    JobList,
    error_responses,
)
from bento.db.models import ACTIVE_STATUSES, Status
from unmask.serving.report.schema import Verdict

POLL_INTERVAL_S = 0.3
KEEPALIVE_S = 15.0
CANCELLED_STAY_S = 86_400.0

EVENT = {
    "type": "object",
    "properties": {
        "event": {"type": "string", "enum": ["job", "deleted"]},
        "data": {"type": "string", "description": "JSON, as `GET /jobs/{id}` gives it."},
    },
    "required": ["event", "data"],
}

router = APIRouter(prefix="/jobs")

JobId = Annotated[
    str, Path(pattern="^[0-9a-f]{32}$", description="As submitting gave it.", examples=[JOB_ID])
]


class JobFilter(BaseModel):
    """Which jobs, and which page of them."""

    status: Status | None = Field(default=None, description="Only these.", examples=["done"])
    verdict: Verdict | None = Field(default=None, description="Only these.", examples=["fake"])
    batch: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{32}$",
        description="Only of this batch.",
        examples=[BATCH_ID],
    )
    limit: int = Field(default=50, ge=1, le=100, description="Jobs on a page.", examples=[20])
    offset: int = Field(
        default=0, ge=0, le=1_000_000, description="Jobs before the page.", examples=[40]
    )


@router.get("", responses=error_responses(422), summary="List your jobs")
def list_jobs(
    desk: ContextDep, tenant: TenantDep, wanted: Annotated[JobFilter, Query()]
) -> JobList:
    """The caller's jobs, newest first."""
    window = (wanted.offset, wanted.limit)
    page = desk.parts.ledger.list_page(tenant, wanted.status, wanted.verdict, wanted.batch, window)
    later = wanted.model_copy(update={"offset": sum(window)})
    query = urlencode(later.model_dump(mode="json", exclude_none=True))
    return JobList(
        jobs=[to_summary(job) for job in page.jobs],
        total=page.total,
        next=f"/jobs?{query}" if later.offset < page.total else None,
    )


@router.get("/{job_id}", responses=error_responses(404, 422), summary="How a job goes")
def get_job(desk: ContextDep, tenant: TenantDep, job_id: JobId) -> JobDetail:
    """Where a job stands, and its result when it is done."""
    return desk.to_detail(desk.job(tenant, job_id))


@router.delete("/{job_id}", responses=error_responses(404, 422), summary="Cancel or delete a job")
def delete_job(desk: ContextDep, tenant: TenantDep, job_id: JobId) -> JobDeleted:
    """Cancel a job that waits or runs; of one that has ended, delete everything."""
    job = desk.job(tenant, job_id)
    if desk.parts.ledger.cancel(tenant, job_id, CANCELLED_STAY_S):
        desk.parts.store.remove(job_id)
        desk.parts.ledger.clear_upload(job_id)
        return JobDeleted(job_id=job_id, status="cancelled")
    desk.parts.store.remove(job.id)
    if not desk.parts.ledger.delete(tenant, job_id):
        raise HTTPException(404, NO_JOB)
    return JobDeleted(job_id=job_id, status="deleted")


@router.get(
    "/{job_id}/events",
    responses={
        200: {
            "description": "Server-sent events: `job`, whenever something changed, with what "
            "`GET /jobs/{id}` gives; the stream ends with the job.",
            "content": {"text/event-stream": {"schema": EVENT, "example": EVENT_EXAMPLE}},
        },
        **error_responses(404, 422),
    },
    response_class=StreamingResponse,
    summary="Watch a job",
)
async def events(desk: ContextDep, tenant: TenantDep, job_id: JobId) -> StreamingResponse:
    """The same as server-sent events; each one stands alone, so a broken line is just reopened."""
    await run_sync(desk.job, tenant, job_id)
    return StreamingResponse(
        _events(desk, tenant, job_id),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _events(desk: RequestContext, tenant: str, job_id: str) -> AsyncIterator[str]:
    before, silent_s = None, 0.0
    while True:
        try:
            job = await run_sync(desk.job, tenant, job_id)
        except HTTPException:
            yield "event: deleted\ndata: {}\n\n"
            return
        place = await run_sync(desk.parts.ledger.queue_position, job)
        seen = (job.status, job.stage, job.percent, job.attempts, place)
        if seen != before:
            view = await run_sync(desk.to_detail, job)
            yield f"event: job\ndata: {view.model_dump_json()}\n\n"
            before, silent_s = seen, 0.0
        elif silent_s >= KEEPALIVE_S:
            yield ": still there\n\n"
            silent_s = 0.0
        if job.status not in ACTIVE_STATUSES:
            return
        await anyio.sleep(POLL_INTERVAL_S)
        silent_s += POLL_INTERVAL_S
