"""FastAPI dependencies: shared services, the caller's tenant, path parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, NamedTuple, Protocol

import fastapi
from fastapi import Depends, Request

from bento.api.api_version import link_prefix
from bento.api.error_response import RequestRejected
from bento.api.examples import JOB_ID
from bento.api.job_events import JobEvents
from bento.api.readiness import ReadinessCheck
from bento.api.route_paths import ID_PATTERN
from bento.container import Services
from bento.db.audit_log import Action, Event, record
from bento.db.models import Job
from bento.storage.disk_space import DiskFloor
from bento.uploads.submission import SubmissionService
from unmask.serving.report.schema import Report

JOB_NOT_FOUND = "job not found; GET /jobs lists your jobs"
STARTING = "the service is starting; retry in a few seconds"


class Caller(NamedTuple):
    """Who sends a request.

    Attributes:
        actor: Which of the tenant's API keys, for the audit log.
    """

    tenant: str
    actor: str


class AnalyzerProtocol(Protocol):
    """Analyzes a file synchronously."""

    def analyze(self, path: Path, shown_as: str) -> Report:
        """Analyze the video at ``path``; the report names the file ``shown_as``."""


@dataclass(frozen=True)
class RequestContext:
    """Objects shared by all requests.

    Attributes:
        worker_alive: Whether the embedded worker runs, if this machine has one.
    """

    services: Services
    submissions: SubmissionService
    worker_alive: Callable[[], bool] = lambda: True

    @cached_property
    def disk_floor(self) -> DiskFloor:
        """The floor of free space on the disk that receives uploads."""
        return DiskFloor(self.services.store.work, self.services.settings.min_free_mib)

    @cached_property
    def events(self) -> JobEvents:
        """The event streams of this process."""
        return JobEvents(self.services.settings.max_streams_per_tenant)

    @cached_property
    def readiness(self) -> ReadinessCheck:
        """Whether this machine can take jobs."""
        return ReadinessCheck(self.services.engine, self.disk_floor, self.worker_alive)

    def status_url(self, job_id: str) -> str:
        """Return the address of a job."""
        return f"{self.services.settings.root_path}{link_prefix()}/jobs/{job_id}"

    def record(self, caller: Caller, action: Action, job_id: str | None = None) -> None:
        """Add an entry to the audit log; what cannot be recorded must not happen."""
        record(self.services.engine, Event(caller.tenant, caller.actor, action, job_id))

    def get_job(self, tenant: str, job_id: str) -> Job:
        """Return a job of the tenant.

        Raises:
            RequestRejected: 404, the job does not exist or belongs to another tenant.
        """
        job = self.services.jobs.find(tenant, job_id)
        if job is None:
            raise RequestRejected("job_not_found", JOB_NOT_FOUND)
        return job


def get_context(request: Request) -> RequestContext:
    """Return the context of the application that serves ``request``.

    Raises:
        RequestRejected: 503, the service is starting.
    """
    context = getattr(request.app.state, "context", None)
    if context is None:
        raise RequestRejected("starting", STARTING)
    return context


# `async`, as FastAPI runs other dependencies in a thread pool, which takes longer than they do
async def _context(request: Request) -> RequestContext:
    return get_context(request)


async def _tenant(request: Request) -> str:
    return str(request.state.tenant)


async def _caller(request: Request) -> Caller:
    return Caller(str(request.state.tenant), str(request.state.actor))


ContextDep = Annotated[RequestContext, Depends(_context)]
TenantDep = Annotated[str, Depends(_tenant)]
CallerDep = Annotated[Caller, Depends(_caller)]
JobId = Annotated[
    str,
    fastapi.Path(pattern=ID_PATTERN, description="Id of the job.", examples=[JOB_ID]),
]
