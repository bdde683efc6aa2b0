"""Presenter: converts database rows to response models."""

from bento.api.schemas import EvidenceImage, JobDetail, JobSummary
from bento.container import Services
from bento.db.models import Job
from bento.storage.keys import evidence_key, upload_key


def to_summary(job: Job) -> JobSummary:
    """Convert a job for a list."""
    return JobSummary.model_validate(job, from_attributes=True)


def to_detail(job: Job, services: Services) -> JobDetail:
    """Convert a job for its owner, with signed URLs and its queue position."""
    detail = JobDetail.model_validate(job, from_attributes=True)
    return detail.model_copy(
        update={
            "queue_position": services.jobs.queue_position(job),
            "evidence": [
                EvidenceImage(name=name, url=_evidence_url(services, job.id, name))
                for name in job.evidence
            ],
            "video_url": _video_url(services, job.id) if job.upload else None,
        }
    )


def _video_url(services: Services, job_id: str) -> str:
    return _signed_url(services, upload_key(job_id), f"/jobs/{job_id}/video")


def _evidence_url(services: Services, job_id: str, name: str) -> str:
    route = f"/jobs/{job_id}/evidence/{name}.png"
    return _signed_url(services, evidence_key(job_id, name), route)


def _signed_url(services: Services, key: str, route: str) -> str:
    url = services.store.signed_url(key, route, services.settings.link_minutes * 60)
    return f"{services.settings.root_path}{url}" if services.store.local else url
