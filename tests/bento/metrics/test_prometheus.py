"""The Prometheus exposition, read with Prometheus's own parser."""

import threading

from prometheus_client.parser import text_string_to_metric_families

from bento.metrics.counters import increment
from bento.metrics.prometheus import render_metrics


def read(service):
    """Sample values by name and labels."""
    families = text_string_to_metric_families(render_metrics(service.services.engine).decode())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


def test_metrics_of_a_finished_and_a_failed_job(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        for text in ("ok", "refuse it"):
            service.wait_for(service.submit(text))
        assert service.wait_for(service.submit("ok", name="b.mp4"))["cached"]
    waiting = service.submit("later")
    samples = read(service)
    assert samples["unmask_queue_length",] == 1
    assert 0 <= samples["unmask_queue_oldest_seconds",] < 60
    assert samples["unmask_jobs", "done"] == 2
    assert samples["unmask_jobs", "failed"] == 1
    assert samples["unmask_jobs", "cancelled"] == 0
    assert samples["unmask_jobs_ended_total", "done"] == 2
    assert samples["unmask_job_failures_total", "unreadable"] == 1
    assert samples["unmask_jobs_cached_total",] == 1
    assert samples["unmask_job_stage_seconds_sum", "faces"] == 0.25
    assert samples["unmask_job_stage_seconds_count", "faces"] == 1
    assert waiting not in render_metrics(service.services.engine).decode()


def test_names_and_types_of_an_empty_service(make_service):
    text = render_metrics(make_service().services.engine).decode()
    types = dict(line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE"))
    assert types == {
        "unmask_queue_length": "gauge",
        "unmask_queue_oldest_seconds": "gauge",
        "unmask_jobs": "gauge",
        "unmask_jobs_ended_total": "counter",
        "unmask_job_failures_total": "counter",
        "unmask_jobs_cached_total": "counter",
        "unmask_job_stage_seconds": "summary",
        "unmask_webhooks_total": "counter",
    }


def test_counters_exist_before_their_first_event(make_service):
    samples = read(make_service())
    counters = {sample: value for sample, value in samples.items() if sample[0].endswith("_total")}
    assert counters == dict.fromkeys(
        [
            ("unmask_jobs_ended_total", "done"),
            ("unmask_jobs_ended_total", "failed"),
            *[
                ("unmask_job_failures_total", kind)
                for kind in ("unreadable", "crash", "memory", "time", "lost")
            ],
            ("unmask_jobs_cached_total",),
            ("unmask_webhooks_total", "taken"),
            ("unmask_webhooks_total", "given up"),
        ],
        0.0,
    )


def test_labels_are_escaped(make_service):
    service, label = make_service(), 'a"b\\c\nd'
    increment(service.services.engine, [("failures", label, 2)])
    assert read(service)["unmask_job_failures_total", label] == 2


def test_response_has_the_prometheus_content_type(make_service):
    response = make_service().client.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain; version=")


def test_concurrent_increments_are_all_counted(make_service):
    service = make_service()
    threads = [
        threading.Thread(
            target=increment, args=(service.services.engine, [("jobs", "done", 1.0)] * 5)
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(service)["unmask_jobs_ended_total", "done"] == 40
