"""Presenter: converts database rows to response models."""

from typing import Any, get_args

from bento.api.api_version import link_prefix
from bento.api.schemas import CalibrationClips, EvidenceImage, JobDetail, JobSummary
from bento.container import Services
from bento.db.models import Job
from bento.db.stored_values import read_leniently, read_report
from bento.jobs.submission import JobOptions
from bento.storage.keys import evidence_key, upload_key
from unmask.records import Reason, Verdict


def to_summary(job: Job) -> JobSummary:
    """Convert a job for a list."""
    return JobSummary.model_validate(_summary_values(job))


def to_detail(job: Job, services: Services) -> JobDetail:
    """Convert a job for its owner, with signed URLs and its queue position."""
    names = ("stage", "percent", "attempts", "size_bytes", "sha256", "started_at", "expires_at")
    detail = JobDetail.model_validate(
        {
            **_summary_values(job),
            **{name: getattr(job, name) for name in names},
            "options": read_leniently(JobOptions, job.options) or JobOptions(),
            "result": read_report(job.result),
        }
    )
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


def _summary_values(job: Job) -> dict[str, Any]:
    """Return a job's values for a list; null for those that only another release knows."""
    names = ("file", "status", "error", "cached", "created_at", "finished_at")
    result = job.result if isinstance(job.result, dict) else {}
    probability, reason = result.get("fake_probability"), result.get("reason")
    return {
        **{name: getattr(job, name) for name in names},
        "job_id": job.id,
        "batch_id": job.batch,
        "reason": reason if reason in get_args(Reason) else None,
        "calibration_clips": _calibration_clips(result),
        "verdict": job.verdict if job.verdict in get_args(Verdict) else None,
        "fake_probability": probability if isinstance(probability, int | float) else None,
        "duration_s": _duration_s(result),
    }


def _duration_s(result: dict[str, Any]) -> float | None:
    media = result.get("media")
    duration_s = media.get("duration_s") if isinstance(media, dict) else None
    return duration_s if isinstance(duration_s, int | float) and duration_s >= 0 else None


def _calibration_clips(result: dict[str, Any]) -> CalibrationClips | None:
    model = result.get("model")
    return (
        read_leniently(CalibrationClips, model.get("promise")) if isinstance(model, dict) else None
    )


def _video_url(services: Services, job_id: str) -> str:
    return _signed_url(services, upload_key(job_id), f"/jobs/{job_id}/video")


def _evidence_url(services: Services, job_id: str, name: str) -> str:
    route = f"/jobs/{job_id}/evidence/{name}.png"
    return _signed_url(services, evidence_key(job_id, name), route)


def _signed_url(services: Services, key: str, route: str) -> str:
    url = services.store.signed_url(key, route, services.settings.link_minutes * 60)
    prefix = f"{services.settings.root_path}{link_prefix()}"
    return f"{prefix}{url}" if services.store.local else url
