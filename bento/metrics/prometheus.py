"""Numbers for Prometheus, read from the table whenever they are asked for."""

from collections.abc import Iterator

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from bento.db.models import Counter, Job, Status, db_now

HELP = {
    "unmask_queue_length": "Jobs that wait.",
    "unmask_queue_oldest_seconds": "How long the job that waits longest has waited.",
    "unmask_jobs": "Jobs in the table, by status.",
    "unmask_jobs_ended_total": "Jobs that ended, by outcome.",
    "unmask_job_failures_total": "Jobs that failed, by kind of failure.",
    "unmask_jobs_cached_total": "Jobs answered with an earlier result.",
    "unmask_job_stage_seconds": "Seconds of work per job, by stage.",
    "unmask_webhooks_total": "Webhooks, by outcome.",
}
TOTALS = {
    "jobs": ("unmask_jobs_ended_total", "outcome"),
    "failures": ("unmask_job_failures_total", "kind"),
    "cached": ("unmask_jobs_cached_total", ""),
    "stage_seconds_sum": ("unmask_job_stage_seconds_sum", "stage"),
    "stage_seconds_count": ("unmask_job_stage_seconds_count", "stage"),
    "webhooks": ("unmask_webhooks_total", "outcome"),
}


def render_metrics(engine: Engine) -> str:
    """All numbers in Prometheus's text format; the same from every node of a fleet."""
    samples: dict[str, list[str]] = {}
    for family, line in (*_current_gauges(engine), *_counters(engine)):
        samples.setdefault(family, []).append(line)
    text = []
    for family, words in HELP.items():
        kind = "counter" if family.endswith("_total") else "gauge"
        kind = "summary" if family.endswith("stage_seconds") else kind
        text += [f"# HELP {family} {words}", f"# TYPE {family} {kind}", *samples.get(family, [])]
    return "\n".join(text) + "\n"


def _current_gauges(engine: Engine) -> Iterator[tuple[str, str]]:
    with Session(engine) as session:
        rows = session.execute(select(Job.status, func.count()).group_by(Job.status)).all()
        oldest = session.scalar(
            select(db_now() - func.min(Job.created_at)).where(Job.status == Status.QUEUED)
        )
    counts = {str(status): int(count) for status, count in rows}
    yield "unmask_queue_length", f"unmask_queue_length {counts.get(Status.QUEUED, 0)}"
    yield (
        "unmask_queue_oldest_seconds",
        f"unmask_queue_oldest_seconds {max(oldest or 0.0, 0.0):.3f}",
    )
    for status in Status:
        yield "unmask_jobs", f'unmask_jobs{{status="{status}"}} {counts.get(status, 0)}'


def _counters(engine: Engine) -> Iterator[tuple[str, str]]:
    with Session(engine) as session:
        totals = session.scalars(select(Counter).order_by(Counter.name, Counter.label)).all()
    for total in totals:
        name, label = TOTALS[total.name]
        family = name.removesuffix("_sum").removesuffix("_count")
        named = f'{{{label}="{total.label}"}}' if label else ""
        yield family, f"{name}{named} {total.value:g}"
