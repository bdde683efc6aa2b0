"""How a job ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from unmask.serving.custody.canonical_json import canonical_sha256
from unmask.serving.custody.report_signature import to_json_values
from unmask.serving.report.schema import Report


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a job ended.

    Attributes:
        keep_s: How long the job and its files are kept.
        drop_upload: Whether the upload is deleted at once.
        report: None if the job failed.
        cache_key: None if the result must not be reused.
        failure: Kind of failure, a metric label; None if the job is done.
        error: Error message; None if the job is done.
        stages_s: Seconds by stage, for the metrics.
    """

    keep_s: float
    drop_upload: bool = False
    report: Report | None = None
    evidence: tuple[str, ...] = ()
    cached: bool = False
    cache_key: str | None = None
    failure: str | None = None
    error: str | None = None
    stages_s: Mapping[str, float] = field(default_factory=dict)

    def audit(self) -> dict[str, str]:
        """Return what the audit log keeps: how the job ended, and the hash of its report."""
        if self.report is None:
            return {"failure": self.failure or ""}
        return {"report_sha256": canonical_sha256(to_json_values(self.report))}

    def counters(self) -> list[tuple[str, str, float]]:
        """Return what the outcome adds to the persistent counters: name, label, value."""
        rows = [("jobs", "failed" if self.failure else "done", 1.0)]
        if self.failure:
            rows.append(("failures", self.failure, 1.0))
        if self.cached:
            rows.append(("cached", "", 1.0))
        for stage, seconds in () if self.cached else self.stages_s.items():
            rows += [("stage_seconds_sum", stage, seconds), ("stage_seconds_count", stage, 1.0)]
        return rows
