"""The Python client against a service that listens on a port, or against scripted answers."""

import httpx
import pytest

from tests.bento.tenants import make_tenants
from unmask.client import (
    Client,
    JobFailedError,
    ServiceError,
    ServiceUnreachableError,
    WaitTimeoutError,
)
from unmask.client import client as client_module
from unmask.serving.report.schema import Report

UNKNOWN = "0" * 32


def scripted(answers, **options):
    """Return a client whose service gives ``answers`` in turn, and the requests that it got."""
    requests = []

    def answer(request):
        request.read()
        requests.append(request)
        return answers[min(len(requests), len(answers)) - 1]

    return Client(transport=httpx.MockTransport(answer), **options), requests


def test_analyze_returns_the_report(client, service, running_worker, video):
    with running_worker(service):
        report = client.analyze(video("rich"), timeout_s=60)
    assert isinstance(report, Report)
    assert (report.verdict, report.media.file, len(report.people)) == ("fake", "clip.mp4", 1)


def test_the_steps_of_an_analysis(client, service, running_worker, video):
    accepted = client.submit(video(), start_s=0.5, end_s=2, retention="delete_upload")
    assert accepted.status_url == f"/v1/jobs/{accepted.job_id}"
    options = {"start_s": 0.5, "end_s": 2.0, "retention": "delete_upload"}
    stored = service.job(accepted.job_id)["options"]
    assert {name: value for name, value in stored.items() if value is not None} == options
    seen = []
    with running_worker(service):
        job = client.wait(accepted.job_id, timeout_s=60, on_progress=seen.append)
    assert (job.status, job.ended, seen[-1]) == ("done", True, job)
    assert client.report(job.job_id).verdict == "fake"
    assert client.report_pdf(job.job_id).startswith(b"%PDF")
    client.delete(job.job_id)
    with pytest.raises(ServiceError, match="job not found"):
        client.job(job.job_id)


def test_an_idempotency_key_returns_the_same_job(client, video):
    first = client.submit(video(), idempotency_key="a")
    second = client.submit(video(), idempotency_key="a")
    assert (second.job_id, second.repeated) == (first.job_id, True)
    assert client.submit(video()).job_id != first.job_id


def test_a_batch_names_the_refused_files(client, video):
    batch = client.submit_batch([video("ok", "a.mp4"), video("", "b.mp4")], retention="zero")
    assert (batch.accepted, batch.refused) == (1, 1)
    assert [item.code for item in batch.items] == [None, "unreadable_media"]
    (job,) = client.jobs(batch=batch.batch_id)
    assert job.file == "a.mp4"


def test_all_pages_of_the_list_are_read(client, service, video, monkeypatch):
    monkeypatch.setattr(client_module, "PAGE_SIZE", 2)
    jobs = [client.submit(video(str(number))).job_id for number in range(5)]
    assert [job.job_id for job in client.jobs()] == jobs[::-1]
    client.delete(jobs[0])
    assert [job.job_id for job in client.jobs(status="cancelled")] == [jobs[0]]


def test_an_address_is_submitted_as_such(client, video):
    with pytest.raises(ServiceError, match="expected s3://") as caught:
        client.submit("s3://videos/a.mp4")
    assert caught.value.code == "unreadable_media"
    with pytest.raises(ServiceError, match="not allowed") as caught:
        client.submit("https://media.example/a.mp4")
    assert caught.value.code == "source_refused"


def test_a_failed_job_raises_its_error(client, service, running_worker, video):
    with running_worker(service), pytest.raises(JobFailedError, match="is not a video"):
        client.analyze(video("refuse is not a video"))


def test_waiting_ends_in_time(client, video):
    job_id = client.submit(video()).job_id
    with pytest.raises(WaitTimeoutError, match=f"job {job_id}: is queued after 0.1 s"):
        client.wait(job_id, timeout_s=0.1)


def test_an_error_has_code_status_and_request_id(client):
    with pytest.raises(ServiceError, match="job not found") as caught:
        client.job(UNKNOWN)
    error = caught.value
    assert (error.status, error.code, len(error.request_id)) == (404, "job_not_found", 32)


def test_the_api_key_is_sent(make_service, live_server, tmp_path):
    service, anna = make_tenants(make_service, tmp_path, "anna")
    base = live_server(service)
    with Client(base, anna["Authorization"].removeprefix("Bearer ")) as client:
        assert list(client.jobs()) == []
    with Client(base) as client, pytest.raises(ServiceError) as caught:
        list(client.jobs())
    assert caught.value.code == "api_key_required"


def test_a_busy_service_is_asked_again_with_the_whole_file(video):
    busy = httpx.Response(429, headers={"Retry-After": "0"})
    accepted = httpx.Response(202, json={"job_id": UNKNOWN, "status_url": "/v1/jobs/0"})
    client, requests = scripted([busy, busy, accepted])
    with client:
        assert client.submit(video("content")).job_id == UNKNOWN
    assert [b"content" in request.content for request in requests] == [True] * 3
    assert len({request.headers["Idempotency-Key"] for request in requests}) == 1


def test_a_service_that_stays_busy_is_given_up():
    problem = {"detail": "too many", "code": "queue_full", "request_id": "a"}
    client, requests = scripted([httpx.Response(429, json=problem, headers={"Retry-After": "0"})])
    with client, pytest.raises(ServiceError, match="too many") as caught:
        client.job(UNKNOWN)
    assert (len(requests), caught.value.code) == (6, "queue_full")


@pytest.mark.parametrize("value", ["Mon, 30 Nov 2026 10:00:00 GMT", "nan", "-1"])
def test_a_pause_that_is_no_number_of_seconds_is_short(value, monkeypatch):
    pauses = []
    monkeypatch.setattr("unmask.client.transport.time.sleep", pauses.append)
    client, _ = scripted([httpx.Response(503, headers={"Retry-After": value})], retries=1)
    with client, pytest.raises(ServiceError):
        client.job(UNKNOWN)
    assert pauses in ([1.0], [0.0])


@pytest.mark.parametrize("content", [b"<html>bad gateway</html>", b"[]", b'{"error": "old"}'])
def test_an_answer_of_a_proxy_is_an_error_without_a_code(content):
    client, _ = scripted([httpx.Response(502, content=content)])
    with client, pytest.raises(ServiceError, match="status 502") as caught:
        client.job(UNKNOWN)
    assert caught.value.code == ""


def test_an_id_cannot_lead_to_another_path():
    client, requests = scripted([httpx.Response(404, json={"detail": "a", "code": "b"})])
    with client, pytest.raises(ServiceError):
        client.delete("../jobs/1?a=b")
    assert requests[0].url.raw_path == b"/v1/jobs/..%2Fjobs%2F1%3Fa%3Db"


def test_a_report_of_a_later_release_is_told():
    job = {"job_id": UNKNOWN, "file": "a", "status": "done", "created_at": "2026-05-04T10:00:00Z"}
    answers = [httpx.Response(200, json=job), httpx.Response(200, json={"schema_version": 99})]
    client, _ = scripted(answers)
    with client, pytest.raises(ServiceError, match="schema 99") as caught:
        client.report(UNKNOWN)
    assert caught.value.code == "report_of_other_release"


def test_no_service_is_one_clear_error():
    with (
        Client("http://127.0.0.1:9") as client,
        pytest.raises(ServiceUnreachableError, match=r"http://127\.0\.0\.1:9: the service does"),
    ):
        client.job(UNKNOWN)
