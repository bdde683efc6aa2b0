"""The event that is sent to a webhook when a job ends."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bento.db.models import Job, Status
from unmask.records import Reason, Verdict

_EXAMPLE_ID = "0f9c2a7be4d1435e8a6b10c5d2f37e94"


class JobEndedEvent(BaseModel):
    """Body of a webhook request."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "event": "job.done",
                    "job_id": _EXAMPLE_ID,
                    "status": "done",
                    "file": "interview.mp4",
                    "verdict": "fake",
                    "reason": None,
                    "fake_probability": 0.97,
                    "error": None,
                    "status_url": f"/jobs/{_EXAMPLE_ID}",
                }
            ]
        },
    )

    event: Literal["job.done", "job.failed", "job.cancelled"] = Field(description="What happened.")
    job_id: str = Field(description="The job's id.")
    status: Status = Field(description="Final status of the job.")
    file: str = Field(description="File name of the upload.")
    verdict: Verdict | None = Field(description="Null unless done.")
    reason: Reason | None = Field(description="Why the verdict is `inconclusive`; else null.")
    fake_probability: float | None = Field(
        description="Null unless done and scored, and where the reason is `demo_model`."
    )
    error: str | None = Field(description="Why the job failed.")
    status_url: str = Field(description="URL of the complete result.")


def build_payload(job: Job, root_path: str = "") -> bytes:
    """Return the JSON body that reports the end of ``job``.

    Args:
        root_path: Path under which a reverse proxy serves the service.
    """
    event = JobEndedEvent.model_validate(
        {
            "event": f"job.{job.status}",
            "job_id": job.id,
            "status": job.status,
            "file": job.file,
            "verdict": job.verdict,
            "reason": (job.result or {}).get("reason"),
            "fake_probability": (job.result or {}).get("fake_probability"),
            "error": job.error,
            "status_url": f"{root_path}/jobs/{job.id}",
        }
    )
    return event.model_dump_json().encode()
