"""Every error is a problem document with a code and the request's id."""

import io
import logging

import pytest

from bento import log_records
from bento.api.problem_types import PROBLEM_TYPES
from bento.api.validation_messages import describe_invalid
from tests.bento.problems import assert_problem
from tests.bento.tenants import make_tenants

VIDEO = {"file": ("a.mp4", b"ok")}
UNKNOWN_JOB = "/jobs/" + "0" * 32


def ask(client, method, path, **options):
    return client.request(method, path, **options)


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("GET", "/nowhere", {}, 404, "not_found"),
        ("PUT", "/jobs", {}, 405, "method_not_allowed"),
        ("GET", UNKNOWN_JOB, {}, 404, "job_not_found"),
        ("GET", f"{UNKNOWN_JOB}/report.json", {}, 404, "job_not_found"),
        ("GET", "/jobs?limit=many", {}, 422, "invalid_request"),
        ("GET", "/jobs?" + "a" * 5000, {}, 414, "query_too_long"),
        ("POST", "/analyze-video", {"json": {}}, 415, "multipart_required"),
        ("POST", "/analyze-video", {"files": {"file": ("a.mp4", b"")}}, 422, "unreadable_media"),
        ("POST", "/analyze-video", {"files": {"other": b"a"}}, 400, "unknown_field"),
        ("POST", "/analyze-video", {"files": VIDEO, "data": {"end_s": 0}}, 422, "invalid_request"),
        ("POST", "/batch", {"files": {"files": ("a.zip", b"PK\3\4")}}, 422, "invalid_archive"),
        (
            "POST",
            "/analyze-video",
            {"files": VIDEO, "data": {"webhook_url": "https://127.0.0.1/"}},
            422,
            "webhook_url_refused",
        ),
        ("GET", "/jobs", {"headers": {"Host": "elsewhere.example"}}, 403, "loopback_only"),
        ("GET", "/jobs", {"headers": {"Origin": "https://a.example"}}, 403, "cross_origin"),
        ("GET", "/limits", {"headers": {"Via": "a"}}, 403, "loopback_only"),
    ],
)
def test_errors_have_a_code(make_service, method, path, options, status, code):
    assert_problem(ask(make_service().client, method, path, **options), code, status)


def test_errors_of_authentication_have_a_code(make_service, tmp_path):
    service, anna = make_tenants(make_service, tmp_path, "anna")
    assert_problem(service.client.get("/jobs"), "api_key_required", 401)
    assert_problem(service.client.get("/metrics", headers=anna), "operator_required", 403)
    link = f"{UNKNOWN_JOB}/video?expires=1&signature=0"
    assert_problem(service.client.get(link), "link_expired", 403)


def test_errors_of_limits_have_a_code(make_service):
    service = make_service(requests_per_minute=4, max_queued=1, max_upload_mib=1)
    large = {"file": ("a.mp4", bytes(1024 * 1024 + 1))}
    assert_problem(service.client.post("/analyze-video", files=large), "upload_too_large", 413)
    service.submit()
    assert_problem(service.client.post("/analyze-video", files=VIDEO), "queue_full", 429)
    service.client.get("/jobs")
    assert_problem(service.client.get("/jobs"), "rate_limited", 429)


def test_unexpected_error_has_a_code(make_service):
    service = make_service()
    service.app.state.analyzer = None
    assert_problem(service.client.post("/predict", files=VIDEO), "internal_error", 500)


def test_conflicts_have_codes_of_their_own(make_service):
    service = make_service()
    job = service.submit(key="a")
    assert_problem(service.client.get(f"/jobs/{job}/report.json"), "report_not_ready", 409)
    other = {"files": {"file": ("b.mp4", b"other")}, "headers": {"Idempotency-Key": "a"}}
    response = service.client.post("/analyze-video", **other)
    assert_problem(response, "idempotency_key_reused", 409)


def test_every_invalid_parameter_is_named_in_our_words(make_service):
    response = make_service().client.get("/jobs?limit=0&status=lost&page=2&batch=x")
    errors = {error["parameter"]: error["detail"] for error in response.json()["errors"]}
    assert errors == {
        "limit": "must be at least 1",
        "status": "must be one of 'queued', 'running', 'done', 'failed' or 'cancelled'",
        "page": "is not known here; leave it out",
        "batch": "does not have the form that /docs describes",
    }
    assert all(f"{name}: {detail}" in response.json()["detail"] for name, detail in errors.items())


def test_an_unknown_kind_of_invalid_value_has_a_message():
    error = {"type": "brand_new", "loc": ("body", "a", 1), "msg": "Input should be new"}
    assert describe_invalid([error]) == [
        {"parameter": "a.1", "detail": "is invalid; /docs describes what it takes"}
    ]


def test_refused_files_of_a_batch_have_a_code(make_service):
    files = [("files", ("a.mp4", b"ok")), ("files", ("b.mp4", b""))]
    items = make_service().client.post("/batch", files=files).json()["items"]
    assert [item["code"] for item in items] == [None, "unreadable_media"]


def test_a_general_code_exists_for_each_status():
    assert all(400 <= problem.status < 600 for problem in PROBLEM_TYPES.values())


@pytest.mark.parametrize("sent", ["order-17", "a" * 128, "0f8c:1_2.3"])
def test_the_clients_request_id_is_echoed(make_service, sent):
    client = make_service().client
    for path in ("/jobs", "/nowhere", "/livez", "/app/"):
        assert client.get(path, headers={"X-Request-ID": sent}).headers["X-Request-ID"] == sent


@pytest.mark.parametrize("sent", ["", "a b", "a" * 129, "a\tb", "é"])
def test_a_request_id_of_another_form_is_replaced(make_service, sent):
    headers = {"X-Request-ID": sent.encode("latin-1")}
    first, second = (make_service().client.get("/jobs", headers=headers) for _ in range(2))
    ids = [response.headers["X-Request-ID"] for response in (first, second)]
    assert len(set(ids)) == 2
    assert all(len(request_id) == 32 for request_id in ids)


def test_the_log_names_the_request(make_service, monkeypatch):
    monkeypatch.setattr(logging, "_logRecordFactory", logging.getLogRecordFactory())
    log_records.install_printable_records()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("bento.api.error_handlers")
    logger.addHandler(handler)
    try:
        service = make_service()
        monkeypatch.setattr(service.services.jobs, "find", fail_with_disk_full)
        service.client.get(UNKNOWN_JOB, headers={"X-Request-ID": "order-17"})
    finally:
        logger.removeHandler(handler)
    assert stream.getvalue().strip().endswith("[request order-17]")


def fail_with_disk_full(*_):
    raise OSError(28, "No space left on device")
