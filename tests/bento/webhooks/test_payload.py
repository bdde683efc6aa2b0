"""The body of a webhook request."""

import json

import pytest
from pydantic import ValidationError

from bento.db.models import Job
from bento.webhooks.payload import build_payload


def payload_of(**fields):
    return json.loads(build_payload(Job(id="5", file="clip – ü.mp4", **fields)))


def test_done_job_reports_verdict_and_probability():
    result = {"fake_probability": 0.97, "verdict": "fake", "notes": []}
    assert payload_of(status="done", verdict="fake", result=result) == {
        "event": "job.done",
        "job_id": "5",
        "status": "done",
        "file": "clip – ü.mp4",
        "verdict": "fake",
        "reason": None,
        "fake_probability": 0.97,
        "error": None,
        "status_url": "/jobs/5",
    }


def test_inconclusive_job_reports_its_reason():
    result = {"fake_probability": None, "verdict": "inconclusive", "reason": "demo_model"}
    payload = payload_of(status="done", verdict="inconclusive", result=result)
    assert (payload["reason"], payload["fake_probability"]) == ("demo_model", None)


def test_failed_job_reports_its_error_and_no_score():
    payload = payload_of(status="failed", error="a.mp4: is broken")
    assert (payload["event"], payload["error"]) == ("job.failed", "a.mp4: is broken")
    assert (payload["verdict"], payload["fake_probability"]) == (None, None)


@pytest.mark.parametrize("status", ["queued", "running"])
def test_job_that_has_not_ended_has_no_payload(status):
    with pytest.raises(ValidationError, match="event"):
        payload_of(status=status)
