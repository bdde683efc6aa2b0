"""Who saw or changed what is recorded, by key and never with the key; what cannot be is refused."""

import json

import pytest
from sqlalchemy import text

from bento.db.audit_log import iter_rows, verify_chain
from bento.security.api_keys import create_key, hash_key
from unmask.serving.custody.canonical_json import canonical_sha256


def entries(service, *names):
    names = names or ("actor", "action", "job_id")
    return [tuple(row[name] for name in names) for row in iter_rows(service.services.engine)]


def test_the_life_of_a_job_is_recorded(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job_id = service.submit("video")
        job = service.wait_for(job_id)
    for path in ("report.json", "report.pdf", "events"):
        assert service.client.get(f"/jobs/{job_id}/{path}").status_code == 200
    assert service.client.delete(f"/jobs/{job_id}").json()["status"] == "deleted"
    rows = entries(service)
    first = rows.index(("local", "view", job_id))
    assert rows[:first] == [("local", "submit", job_id), ("system", "complete", job_id)]
    assert [row for row in rows[first:] if row[1] != "view"] == [
        ("local", action, job_id) for action in ("download_json", "download_pdf", "watch", "delete")
    ]
    details = {name: value for name, value in entries(service, "action", "details") if value}
    assert details == {"complete": {"report_sha256": canonical_sha256(job["result"])}}
    assert verify_chain(service.services.engine)[0] == len(rows)


def test_a_cancelled_and_an_expired_job(make_service, running_worker):
    service = make_service(keep_days=1e-9)
    cancelled = service.submit("video")
    assert service.client.delete(f"/jobs/{cancelled}").json()["status"] == "cancelled"
    with running_worker(service):
        failing = service.submit("refuse no face")
        service.wait_for(failing, "failed", "done")
    service.maintenance.run_once()
    rows = entries(service, "actor", "action", "job_id", "details")
    assert ("local", "cancel", cancelled, {}) in rows
    assert ("system", "complete", failing, {"failure": "unreadable"}) in rows
    assert ("system", "expire", failing, {}) in rows


def test_jobs_that_wait_are_not_viewed(make_service):
    service = make_service()
    job_id = service.submit("video")
    service.job(job_id)
    assert entries(service) == [("local", "submit", job_id)]


def test_requests_that_change_nothing_leave_no_entry(make_service):
    service = make_service()
    first = service.submit("video", key="k")
    service.submit("video", key="k")
    assert service.client.delete(f"/jobs/{'0' * 32}").status_code == 404
    assert service.client.get(f"/jobs/{first}/report.json").status_code == 409
    assert entries(service) == [("local", "submit", first)]


def test_the_key_is_named_and_not_stored(make_service, tmp_path):
    keys = [create_key(tmp_path / "keys", "anna") for _ in range(2)]
    service = make_service(api_keys_file=tmp_path / "keys")
    for key, headers in zip(
        keys,
        ({"X-API-Key": keys[0]}, {"Authorization": f"Bearer {keys[1]}"}),
        strict=True,
    ):
        files = {"file": ("a.mp4", key.encode())}
        response = service.client.post("/analyze-video", files=files, headers=headers)
        assert response.status_code == 202
    rows = entries(service, "tenant", "actor")
    assert rows == [("anna", f"key {hash_key(key)[:12]}") for key in keys]
    stored = json.dumps(list(iter_rows(service.services.engine)))
    assert not any(key in stored for key in keys)
    assert "a.mp4" not in stored


def test_jobs_of_retention_zero_are_not_named(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job_id = service.submit("video", retention="zero")
        service.wait_for(job_id)
    assert service.client.get(f"/jobs/{job_id}/report.json").status_code == 200
    service.client.delete(f"/jobs/{job_id}")
    service.client.delete(f"/jobs/{service.submit('video', retention='zero')}")
    rows = entries(service, "action", "job_id", "details")
    actions = ("submit", "complete", "download_json", "delete", "cancel")
    assert {(action, None, "{}") for action in actions} <= {(*row[:2], str(row[2])) for row in rows}
    assert {row[1:] == (None, {}) for row in rows} == {True}


def test_a_synchronous_analysis_is_recorded(make_service):
    service = make_service()
    assert service.client.post("/predict", files={"file": ("a.mp4", b"video")}).status_code == 200
    assert entries(service, "action", "job_id", "details") == [("predict", None, {})]


@pytest.mark.parametrize("path", ["", "/report.json", "/report.pdf", "/events"])
def test_nobody_sees_a_report_that_the_log_cannot_record(make_service, running_worker, path):
    service = make_service()
    with running_worker(service):
        job_id = service.wait_for(service.submit("video"))["job_id"]
    with service.services.engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit_log RENAME TO hidden"))
    response = service.client.get(f"/jobs/{job_id}{path}")
    assert response.status_code >= 500
    assert "fake" not in response.text
