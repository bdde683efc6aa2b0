"""Several jobs at once: export as a table or an archive, and deletion."""

import tempfile
from collections.abc import Iterator
from typing import IO, Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import Field

from bento.api.dependencies import Caller, CallerDep, ContextDep, RequestContext
from bento.api.error_response import RequestRejected
from bento.api.examples import JOB_ID
from bento.api.job_filter import MAX_SELECTED, ExportSelection, SelectedId
from bento.api.job_table import to_csv, to_row, write_zip
from bento.api.openapi import binary_response, error_responses
from bento.api.schemas import JobDeleted, JobExport, JobsDeleted
from bento.db.audit_log import Action
from bento.db.models import Job
from bento.jobs.deletion import cancel_or_delete
from bento.jobs.listing import JobQuery
from unmask.serving.file_limits import MIB

MAX_EXPORTED = 1000
PAGE_JOBS = 100
BLOCK_BYTES = MIB

router = APIRouter(prefix="/jobs", tags=["jobs"])


class ExportQuery(ExportSelection):
    """Which jobs to export, and as what."""

    format: Literal["csv", "json", "zip"] = Field(
        default="csv",
        description="`csv` or `json`: a row for each job. `zip`: the CSV, and the report of each "
        "job as JSON.",
        examples=["zip"],
    )


@router.get(
    "/export",
    response_class=Response,
    responses={
        200: {
            **binary_response("The jobs.", "text/csv", "application/zip"),
            "model": JobExport,
        },
        **error_responses(422),
    },
    summary="Export jobs",
)
def export_jobs(
    context: ContextDep, caller: CallerDep, query: Annotated[ExportQuery, Query()]
) -> Response:
    """Return the jobs that match, up to 1000, as a file."""
    jobs = _find_all(context, caller.tenant, query.to_query())
    headers = {"Content-Disposition": f'attachment; filename="unmask-jobs.{query.format}"'}
    _record_all(context, caller, jobs, query.format)
    if query.format == "zip":
        return StreamingResponse(
            _archive(context, jobs), media_type="application/zip", headers=headers
        )
    rows = [to_row(job) for job in jobs]
    if query.format == "json":
        content = JobExport(jobs=rows).model_dump_json()
        return Response(content, media_type="application/json", headers=headers)
    return Response(to_csv(rows), media_type="text/csv", headers=headers)


@router.delete("", responses=error_responses(422), summary="Cancel or delete several jobs")
def delete_jobs(
    context: ContextDep,
    caller: CallerDep,
    ids: Annotated[
        list[SelectedId],
        Query(
            min_length=1,
            max_length=MAX_SELECTED,
            description="The jobs; repeat the parameter for each.",
            examples=[[JOB_ID]],
        ),
    ],
) -> JobsDeleted:
    """Cancel those of the jobs that are queued or running; delete all data of the others."""
    services = context.services
    outcome = JobsDeleted(jobs=[], missing=[])
    for job_id in dict.fromkeys(ids):
        status = cancel_or_delete(
            services.jobs, services.store, caller.tenant, job_id, caller.actor
        )
        if status is None:
            outcome.missing.append(job_id)
        else:
            outcome.jobs.append(JobDeleted(job_id=job_id, status=status))
    return outcome


def _find_all(context: RequestContext, tenant: str, query: JobQuery) -> list[Job]:
    jobs = context.services.jobs
    page = jobs.list_page(tenant, query, (0, PAGE_JOBS))
    if page.total > MAX_EXPORTED:
        message = f"{page.total} jobs match; filter them to at most {MAX_EXPORTED}"
        raise RequestRejected("invalid_request", message)
    selected = list(page.jobs)
    while page.next is not None:
        page = jobs.list_page(tenant, query, (page.next, PAGE_JOBS))
        selected += page.jobs
    return selected


def _record_all(context: RequestContext, caller: Caller, jobs: list[Job], format_: str) -> None:
    """Record each job whose result leaves the service."""
    action = Action.DOWNLOAD_JSON if format_ == "zip" else Action.EXPORT
    for job in jobs:
        if job.result:
            context.record(caller, action, job.id)


def _archive(context: RequestContext, jobs: list[Job]) -> Iterator[bytes]:
    """Write the archive, so that an error is no half of a file, and return its blocks."""
    file = tempfile.TemporaryFile(dir=context.services.store.work)  # noqa: SIM115 - _blocks closes it
    try:
        write_zip(file, jobs)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return _blocks(file)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK_BYTES):
            yield block
