"""Prometheus metrics, collected from the database on every scrape."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from bento.db.functions import db_now
from bento.db.models import Counter, Job, Status

CONTENT_TYPE = CONTENT_TYPE_LATEST


class CounterDefinition(NamedTuple):
    """A counter of the exposition.

    Attributes:
        values: Values of ``label`` that are exposed before their first event, which rates and
            increases in Prometheus would otherwise miss.
    """

    name: str
    description: str
    label: str
    values: tuple[str, ...]


# by the name of the stored counter
COUNTERS = {
    "jobs": CounterDefinition(
        "unmask_jobs_ended_total",
        "Jobs that ended, by outcome.",
        "outcome",
        ("done", "failed"),
    ),
    "failures": CounterDefinition(
        "unmask_job_failures_total",
        "Jobs that failed, by kind of failure.",
        "kind",
        ("unreadable", "crash", "memory", "time", "lost"),
    ),
    "cached": CounterDefinition(
        "unmask_jobs_cached_total", "Jobs answered from the result cache.", "", ("",)
    ),
    "webhooks": CounterDefinition(
        "unmask_webhooks_total", "Webhooks, by outcome.", "outcome", ("taken", "given up")
    ),
}


class JobCollector(Collector):
    """Reads job counts and persistent counters from the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """Yield all metric families; the same on every machine of a fleet."""
        with Session(self._engine) as session:
            yield from _job_gauges(session)
            counters = session.scalars(select(Counter).order_by(Counter.name, Counter.label)).all()
        for stored_name, definition in COUNTERS.items():
            stored = {row.label: row.value for row in counters if row.name == stored_name}
            yield _counter(definition, stored)
        yield _stage_seconds(counters)


def render_metrics(engine: Engine) -> bytes:
    """Return all metrics in the Prometheus text format, whose media type is `CONTENT_TYPE`."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(JobCollector(engine))
    return generate_latest(registry)


def _counter(definition: CounterDefinition, stored: Mapping[str, float]) -> Metric:
    labels = [definition.label] if definition.label else []
    family = CounterMetricFamily(definition.name, definition.description, labels=labels)
    for label_value, value in {**dict.fromkeys(definition.values, 0.0), **stored}.items():
        family.add_metric([label_value] if labels else [], value)
    return family


def _job_gauges(session: Session) -> Iterator[Metric]:
    rows = session.execute(select(Job.status, func.count()).group_by(Job.status)).all()
    counts = {str(status): int(count) for status, count in rows}
    oldest_s = session.scalar(
        select(db_now() - func.min(Job.created_at)).where(Job.status == Status.QUEUED)
    )
    yield GaugeMetricFamily(
        "unmask_queue_length", "Queued jobs.", value=counts.get(Status.QUEUED, 0)
    )
    yield GaugeMetricFamily(
        "unmask_queue_oldest_seconds",
        "Waiting time of the oldest queued job.",
        value=round(max(oldest_s or 0.0, 0.0), 3),
    )
    jobs = GaugeMetricFamily("unmask_jobs", "Jobs in the database, by status.", labels=["status"])
    for status in Status:
        jobs.add_metric([status], counts.get(status, 0))
    yield jobs


def _stage_seconds(counters: Sequence[Counter]) -> Metric:
    family = SummaryMetricFamily(
        "unmask_job_stage_seconds", "Seconds of work per job, by stage.", labels=["stage"]
    )
    sums_s = {
        counter.label: counter.value for counter in counters if counter.name == "stage_seconds_sum"
    }
    for counter in counters:
        if counter.name == "stage_seconds_count":
            sum_s = sums_s.get(counter.label, 0.0)
            family.add_metric([counter.label], count_value=int(counter.value), sum_value=sum_s)
    return family
