"""Jobs: list, get, cancel or delete, and server-sent events."""

from functools import partial
from typing import Annotated
from urllib.parse import urlencode

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from bento.api.api_version import link_prefix
from bento.api.dependencies import (
    JOB_NOT_FOUND,
    CallerDep,
    ContextDep,
    JobId,
    RequestContext,
    TenantDep,
)
from bento.api.error_response import RequestRejected
from bento.api.examples import JOB_EVENT
from bento.api.job_events import DELETED, JobState, read_state
from bento.api.job_filter import JobFilter
from bento.api.job_views import to_detail, to_summary
from bento.api.openapi import error_responses
from bento.api.schemas import JobDeleted, JobDetail, JobList
from bento.db.audit_log import Action
from bento.db.models import ACTIVE_STATUSES
from bento.jobs.cursor import Cursor
from bento.jobs.deletion import cancel_or_delete

EVENT_SCHEMA = {
    "type": "string",
    "description": "Events `job`, whose data is the response of `GET /jobs/{id}`, and `deleted`.",
}

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.get("", responses=error_responses(422), summary="List your jobs")
def list_jobs(
    context: ContextDep, tenant: TenantDep, query: Annotated[JobFilter, Query()]
) -> JobList:
    """Return the caller's jobs that match; `next` leads to the next page."""
    if query.cursor is not None and query.offset:
        raise RequestRejected("invalid_request", "cursor: send it without `offset`")
    start = query.offset if query.cursor is None else Cursor.parse(query.cursor, query.sort)
    page = context.services.jobs.list_page(tenant, query.to_query(), (start, query.limit))
    parameters = urlencode(
        _next_page(query, page.next).model_dump(mode="json", exclude_defaults=True)
    )
    address = f"{context.services.settings.root_path}{link_prefix()}/jobs?{parameters}"
    return JobList(
        jobs=[to_summary(job) for job in page.jobs],
        total=page.total,
        next=address if page.next is not None else None,
    )


def _next_page(query: JobFilter, cursor: Cursor | None) -> JobFilter:
    """Return the query of the next page: by offset if this query has one, else by cursor."""
    if query.offset:
        return query.model_copy(update={"offset": query.offset + query.limit})
    return query.model_copy(update={"cursor": cursor.to_text() if cursor else None})


@router.get("/{job_id}", responses=error_responses(404, 422), summary="Get a job")
def get_job(context: ContextDep, caller: CallerDep, job_id: JobId) -> JobDetail:
    """Return a job's status and, once it is done, its result."""
    job = context.get_job(caller.tenant, job_id)
    if job.result is not None:
        context.record(caller, Action.VIEW, job_id)
    return to_detail(job, context.services)


@router.delete("/{job_id}", responses=error_responses(404, 422), summary="Cancel or delete a job")
def delete_job(context: ContextDep, caller: CallerDep, job_id: JobId) -> JobDeleted:
    """Cancel a queued or running job; delete all data of a job that has ended."""
    services = context.services
    status = cancel_or_delete(services.jobs, services.store, caller.tenant, job_id, caller.actor)
    if status is None:
        raise RequestRejected("job_not_found", JOB_NOT_FOUND)
    return JobDeleted(job_id=job_id, status=status)


@router.get(
    "/{job_id}/events",
    responses={
        200: {
            "description": "Server-sent events: a `job` event after every change, with the "
            "response of `GET /jobs/{id}`. The stream ends with the job.",
            "content": {"text/event-stream": {"schema": EVENT_SCHEMA, "example": JOB_EVENT}},
        },
        **error_responses(404, 422),
    },
    response_class=StreamingResponse,
    summary="Watch a job",
)
async def watch_job(
    context: ContextDep, request: Request, caller: CallerDep, job_id: JobId
) -> StreamingResponse:
    """Stream the job's state; every event is complete, so a client may simply reconnect."""
    tenant = caller.tenant
    read = partial(_read_state, context, tenant, job_id)
    first = await read_state(tenant, read)
    if first.event == DELETED:
        raise RequestRejected("job_not_found", JOB_NOT_FOUND)
    await run_sync(context.record, caller, Action.WATCH, job_id)
    # a watcher serves the streams whose links are alike
    watched = f"{link_prefix()}/{job_id}"
    return context.events.response(tenant, watched, read, first, request.state.is_admitted)


def _read_state(context: RequestContext, tenant: str, job_id: str, last_key: object) -> JobState:
    services = context.services
    job = services.jobs.find(tenant, job_id)
    if job is None:
        return JobState("deleted", DELETED, ended=True)
    key = (job.status, job.stage, job.percent, job.attempts, services.jobs.queue_position(job))
    ended = job.status not in ACTIVE_STATUSES
    if key == last_key:
        return JobState(key, "", ended)
    detail = to_detail(job, services).model_dump_json()
    return JobState(key, f"event: job\ndata: {detail}\n\n", ended)
