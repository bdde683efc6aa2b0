"""Reports of the service are signed, state the request, and verify with its published key."""

import json
from datetime import datetime

import pytest

from bento.security.api_keys import create_key
from unmask.serving.custody.report_signature import is_intact, read_signature
from unmask.serving.custody.signing_key import read_public_keys
from unmask.serving.custody.verification import check_signature

STATED = {"operator": "A. Examiner – ü", "case_number": "2026/117"}


def is_verified(service, report, tmp_path):
    (tmp_path / "keys.pem").write_bytes(service.client.get("/report-keys.pem").content)
    checks = check_signature(report, read_public_keys(tmp_path / "keys.pem"))
    return [check.holds for check in checks] == [True, True]


def test_the_report_of_a_job_is_signed_and_states_the_request(
    make_service, running_worker, tmp_path
):
    service = make_service()
    with running_worker(service):
        job = service.wait_for(service.submit("rich", **STATED))
    report = service.client.get(f"/jobs/{job['job_id']}/report.json").json()
    assert is_verified(service, report, tmp_path)
    assert is_verified(service, job["result"], tmp_path)  # as the job itself shows it
    assert {name: report["custody"][name] for name in STATED} == STATED
    assert {name: job["options"][name] for name in STATED} == STATED
    assert report["media"]["sha256"] == job["sha256"]
    assert report["custody"]["received_at"] == job["created_at"]
    assert not is_verified(service, report | {"verdict": "real"}, tmp_path)


def test_a_reused_result_states_its_own_request(make_service, running_worker, tmp_path):
    service = make_service()
    with running_worker(service):
        first = service.wait_for(service.submit("video", **STATED))["result"]["custody"]
        second = service.wait_for(service.submit("video", operator="B"))
    custody = second["result"]["custody"]
    assert second["cached"]
    assert (custody["operator"], custody["case_number"]) == ("B", None)
    assert custody["started_at"] == first["started_at"]
    assert datetime.fromisoformat(custody["received_at"]) >= datetime.fromisoformat(
        first["received_at"]
    )
    assert is_verified(service, second["result"], tmp_path)


def test_predict_signs_too(make_service, tmp_path):
    service = make_service()
    response = service.client.post("/predict", files={"file": ("a.mp4", b"video")})
    assert response.status_code == 200, response.text
    assert is_verified(service, response.json(), tmp_path)


def test_every_file_of_a_batch_states_the_request(make_service, running_worker):
    service = make_service()
    files = [("files", (f"{name}.mp4", name.encode())) for name in ("a", "b")]
    items = service.client.post("/batch", files=files, data=STATED).json()["items"]
    with running_worker(service):
        results = [service.wait_for(item["job_id"])["result"] for item in items]
    assert [report["custody"]["case_number"] for report in results] == ["2026/117"] * 2


@pytest.mark.parametrize("value", ["x" * 201, "a\nb", "\x1b[2J"])
def test_a_text_that_cannot_be_recorded_is_refused(make_service, value):
    response = make_service().client.post(
        "/analyze-video", files={"file": ("a.mp4", b"x")}, data={"operator": value}
    )
    assert response.status_code == 422
    assert "operator" in response.json()["error"]


def test_an_upload_that_was_exchanged_in_the_store_gives_no_report(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job = service.wait_for(service.submit("other_file"))
    assert (job["status"], job["result"]) == ("failed", None)
    assert job["error"].startswith("a.mp4: the stored upload is no longer the file that was sent")


def test_the_keys_need_no_api_key(make_service, tmp_path):
    create_key(tmp_path / "keys", "anna")
    client = make_service(api_keys_file=tmp_path / "keys").client
    response = client.get("/report-keys.pem")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-pem-file"
    assert "PRIVATE" not in response.text
    assert client.get("/jobs").status_code == 401


def test_a_stored_report_is_handed_out_as_it_was_signed(make_service, running_worker):
    service = make_service()
    with running_worker(service):
        job = service.wait_for(service.submit("video"))
    report = service.client.get(f"/jobs/{job['job_id']}/report.json").json()
    assert is_intact(json.loads(json.dumps(report)), read_signature(report))
