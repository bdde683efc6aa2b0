"""Rows of jobs as responses."""

from datetime import UTC, datetime

from bento.api.job_views import to_detail, to_summary
from bento.db.models import Job

JOB_ID = "0" * 32
FIELDS = {
    "id": JOB_ID,
    "tenant": "ann",
    "file": "a.mp4",
    "sha256": "1" * 64,
    "size_bytes": 7,
    "options": {"retention": "keep"},
    "upload": f"{JOB_ID}/upload",
    "status": "done",
    "percent": 100.0,
    "attempts": 1,
    "created_at": 1_700_000_000.75,
    "evidence": ["frame-1", "frame-2"],
    "cached": False,
}


def make_job(**changes):
    return Job(**{**FIELDS, **changes})


def test_summary_names_the_columns_as_the_api_does():
    job = make_job(batch="b", verdict="fake", result={"fake_probability": 0.9})
    summary = to_summary(job)
    assert (summary.job_id, summary.batch_id) == (JOB_ID, "b")
    assert (summary.verdict, summary.fake_probability) == ("fake", 0.9)
    # 1 700 000 000 s since 1970; fractions of a second are dropped
    assert summary.created_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert to_summary(make_job()).fake_probability is None


def test_signed_urls_of_a_job_are_valid_without_a_key(make_service):
    service = make_service()
    job_id = service.submit("content")
    job = service.services.jobs.find("local", job_id)
    detail = to_detail(job, service.services)
    assert detail.queue_position == 1
    assert service.client.get(detail.video_url).content == b"content"


def test_each_evidence_image_has_a_url_and_a_deleted_upload_has_none(make_service):
    detail = to_detail(make_job(upload=None), make_service().services)
    assert detail.video_url is None
    assert [image.name for image in detail.evidence] == ["frame-1", "frame-2"]
    for image in detail.evidence:
        assert image.url.startswith(f"/jobs/{JOB_ID}/evidence/{image.name}.png?")
    assert detail.queue_position is None
