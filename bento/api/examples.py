"""Example values for the OpenAPI document."""

import json
from typing import Any

from bento.paths import PACKAGE_DIR
from unmask.serving.report.schema import Report

JOB_ID = "0f9c2a7be4d1435e8a6b10c5d2f37e94"
BATCH_ID = "5be0c1d2a3f44b6f9d7e8a9b0c1d2e3f"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CREATED_AT, FINISHED_AT = "2026-05-04T10:00:00Z", "2026-05-04T10:00:09Z"

REQUEST_ID = "5b1e0d3f7c2a4e689b0d1f2a3c4e5d6f"
PROBLEM: dict[str, Any] = {
    "type": "urn:problem-type:unmask:unreadable_media",
    "title": "The file cannot be analyzed.",
    "status": 422,
    "detail": "a.mp4: is empty (0 bytes); use another file",
    "code": "unreadable_media",
    "request_id": REQUEST_ID,
    "errors": [],
    "error": "a.mp4: is empty (0 bytes); use another file",
}
JOB_ACCEPTED: dict[str, Any] = {
    "job_id": JOB_ID,
    "status_url": f"/jobs/{JOB_ID}",
    "repeated": False,
}
BATCH_ACCEPTED: dict[str, Any] = {
    "batch_id": BATCH_ID,
    "accepted": 1,
    "refused": 1,
    "items": [
        {"file": "a.mp4", "job_id": JOB_ID, "status_url": f"/jobs/{JOB_ID}"},
        {
            "file": "b.mp4",
            "error": "b.mp4: is empty (0 bytes); send a video",
            "code": "unreadable_media",
        },
    ],
}
JOB_SUMMARY: dict[str, Any] = {
    "job_id": JOB_ID,
    "file": "interview.mp4",
    "status": "done",
    "verdict": "fake",
    "fake_probability": 0.97,
    "cached": False,
    "created_at": CREATED_AT,
    "finished_at": FINISHED_AT,
}
JOB_LIST: dict[str, Any] = {"total": 1, "next": None, "jobs": [JOB_SUMMARY]}
JOB_DETAIL: dict[str, Any] = {
    "job_id": JOB_ID,
    "file": "interview.mp4",
    "status": "running",
    "cached": False,
    "created_at": CREATED_AT,
    "started_at": FINISHED_AT,
    "stage": "faces",
    "percent": 41.5,
    "attempts": 1,
    "size_bytes": 5_242_880,
    "sha256": SHA256,
    "options": {"retention": "keep"},
}
JOB_DELETED: dict[str, Any] = {"job_id": JOB_ID, "status": "cancelled"}
JOBS_DELETED: dict[str, Any] = {"jobs": [JOB_DELETED], "missing": []}
JOB_EXPORT: dict[str, Any] = {
    "jobs": [
        {
            "job_id": JOB_ID,
            "file": "interview.mp4",
            "status": "done",
            "verdict": "fake",
            "fake_probability": 0.97,
            "duration_s": 12.5,
            "size_bytes": 5_242_880,
            "sha256": SHA256,
            "created_at": CREATED_AT,
            "finished_at": FINISHED_AT,
        }
    ]
}
JOB_EVENT = f"event: job\ndata: {json.dumps(JOB_DETAIL)}\n\n"
# a real report of a demo clip, with the timelines cut short; complete with fields of later schemas
REPORT: dict[str, Any] = Report.model_validate_json(
    (PACKAGE_DIR / "api" / "example_report.json").read_text()
).model_dump(mode="json")
