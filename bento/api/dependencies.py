"""What a route works with: the parts of the service, and who asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

from fastapi import Depends, HTTPException, Request

from bento.api.schemas import EvidenceImage, JobDetail, JobOptions, JobSummary, from_timestamp
from bento.container import Services
from bento.db.models import Job
from bento.uploads.submission import SubmissionService
from bento.webhooks.delivery import resolve_public_target
from unmask.serving.report.schema import Report

NO_JOB = "there is no such job; GET /jobs lists yours"


class AnalyzerProtocol(Protocol):
    """Something that analyzes a file while the caller waits."""

    def analyze(self, path: Path, shown_as: str) -> Report:
        """Watch and hear a video, and say what was found."""


@dataclass(frozen=True)
class RequestContext:
    """Everything that routes share."""

    parts: Services
    intake: SubmissionService

    def job(self, tenant: str, job_id: str) -> Job:
        """A job of the tenant.

        Raises:
            HTTPException: 404, there is none, or it is another's.
        """
        found = self.parts.ledger.find(tenant, job_id)
        if found is None:
            raise HTTPException(404, NO_JOB)
        return found

    def to_detail(self, job: Job) -> JobDetail:
        """A job as its owner sees it."""
        base = f"/jobs/{job.id}"
        return JobDetail(
            **to_summary(job).model_dump(),
            stage=job.stage,
            percent=job.percent,
            queue_position=self.parts.ledger.queue_position(job),
            attempts=job.attempts,
            size_bytes=job.size_bytes,
            sha256=job.sha256,
            options=JobOptions.model_validate(job.options),
            started_at=from_timestamp(job.started_at),
            expires_at=from_timestamp(job.expires_at),
            result=Report.model_validate(job.result) if job.result else None,
            evidence=[
                EvidenceImage(name=name, url=self._link(f"{base}/evidence/{name}.png"))
                for name in job.evidence
            ],
            video_url=self._link(f"{base}/video") if job.upload else None,
        )

    def check_webhook(self, options: Mapping[str, str]) -> None:
        """Refuse a webhook that would not be sent, before anything is made of the upload.

        Raises:
            AddressError: It leads nowhere, or into this network.
        """
        if "webhook_url" in options:
            resolve_public_target(options["webhook_url"], self.parts.settings.webhook_private)

    def _link(self, route: str) -> str:
        _, _, job_id, *rest = route.split("/")
        key = f"{job_id}/upload" if rest == ["video"] else "/".join((job_id, *rest))
        return self.parts.store.signed_url(key, route, self.parts.settings.link_minutes * 60)


def to_summary(job: Job) -> JobSummary:
    """A job in a list."""
    probability = job.result["fake_probability"] if job.result else None
    return JobSummary.model_validate(
        {
            "job_id": job.id,
            "file": job.file,
            "status": job.status,
            "verdict": job.verdict,
            "fake_probability": probability,
            "error": job.error,
            "cached": job.cached,
            "batch_id": job.batch,
            "created_at": from_timestamp(job.created_at),
            "finished_at": from_timestamp(job.finished_at),
        }
    )


def get_context(request: Request) -> RequestContext:
    """The desk of the application that serves a request.

    Raises:
        HTTPException: 503, the service is starting.
    """
    desk = getattr(request.app.state, "desk", None)
    if desk is None:
        raise HTTPException(503, "the service is starting; ask again")
    return desk


# FastAPI hands what is not `async` to another thread, for longer than these take
async def _desk(request: Request) -> RequestContext:
    return get_context(request)


async def _tenant(request: Request) -> str:
    return str(request.state.tenant)


ContextDep = Annotated[RequestContext, Depends(_desk)]
TenantDep = Annotated[str, Depends(_tenant)]
