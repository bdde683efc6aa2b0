"""Who may ask, how often, and what no answer says."""

import re
import socket
import time

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from bento.api.middleware.admission import TokenBucketLimiter
from bento.api.middleware.security import SecurityMiddleware, is_loopback
from bento.security import api_keys
from bento.security.api_keys import create_key, hash_key
from bento.service import bound_host, require_api_keys_for_public_bind
from bento.settings import ServiceSettings
from unmask.errors import ConfigError

NOT_FOUND = PlainTextResponse("Not Found", 404)


def keyed(office, tmp_path, *tenants, **settings):
    path = tmp_path / "keys"
    made = [{"Authorization": f"Bearer {create_key(path, tenant)}"} for tenant in tenants]
    return office(api_keys_file=path, **settings), *made


def submitted(desk, headers, text=b"ok"):
    answer = desk.client.post("/analyze-video", files={"file": ("a", text)}, headers=headers)
    return answer.json()["job_id"]


def finished(desk, working, headers):
    with working(desk):
        address = f"/jobs/{submitted(desk, headers)}"
        while (job := desk.client.get(address, headers=headers).json())["status"] != "done":
            pass
    return job


@pytest.mark.parametrize("headers", [{"Host": "["}, {"Origin": "http://["}, {"Host": "::x["}])
def test_addresses_that_are_none_are_refused(office, headers):
    assert office().client.get("/jobs", headers=headers).status_code in (400, 403)


def test_a_path_that_the_server_around_us_does_not_know_is_refused_like_all_else():
    told = {"/other": PlainTextResponse("ours")}
    client = TestClient(
        SecurityMiddleware(
            lambda scope, *io: told.get(scope["path"], NOT_FOUND)(scope, *io), local=True
        ),
        base_url="http://localhost",
    )
    answer = client.get("/nothing")
    assert (answer.status_code, set(answer.json())) == (404, {"error"})
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get("/other").text == "ours"


def test_without_a_known_key_nothing_is_told(office, tmp_path):
    desk, _ = keyed(office, tmp_path, "anna")
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"X-API-Key": ""}):
        for path in ("/jobs", f"/jobs/{'0' * 32}", "/jobs/x/y", "/nothing", "/metrics"):
            answer = desk.client.get(path, headers=headers)
            assert answer.status_code == 401
            assert set(answer.json()) == {"error"}
        answer = desk.client.post("/analyze-video", files={"file": ("a", b"x")}, headers=headers)
        assert answer.status_code == 401


def test_a_key_works_in_either_header_and_only_its_hash_is_written(office, tmp_path):
    desk, headers = keyed(office, tmp_path, "anna")
    key = headers["Authorization"].split()[1]
    assert desk.client.get("/jobs", headers=headers).status_code == 200
    assert desk.client.get("/jobs", headers={"X-API-Key": key}).status_code == 200
    written = (tmp_path / "keys").read_text()
    assert key not in written
    assert written == f"anna {hash_key(key)}\n"
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0


def test_a_key_is_made_and_shown_once_and_a_name_that_is_none_is_refused(
    office, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("UNMASK_FOLDER", str(tmp_path / "service"))
    path = tmp_path / "keys"
    monkeypatch.setattr("sys.argv", ["keys", str(path), "anna"])
    api_keys.main()
    made = dict(line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert office(api_keys_file=path).client.get("/jobs", headers=headers).status_code == 200
    assert len(made["webhook secret"]) == 64
    for words, why in (
        ([str(path), "a b"], "no name for a tenant"),
        ([str(tmp_path), "anna"], "directory"),
        ([str(path)], "usage"),
    ):
        monkeypatch.setattr("sys.argv", ["keys", *words])
        with pytest.raises(SystemExit, match=why):
            api_keys.main()
    assert len(path.read_text().splitlines()) == 1


def test_no_key_is_made_where_the_database_is_away(tmp_path, monkeypatch):
    monkeypatch.setenv("UNMASK_DATABASE", "postgresql://anna:secret@127.0.0.1:1/none")
    monkeypatch.setattr("sys.argv", ["keys", str(tmp_path / "keys"), "anna"])
    with pytest.raises(SystemExit, match="does not answer") as exit_:
        api_keys.main()
    assert "secret" not in str(exit_.value)
    assert not (tmp_path / "keys").exists()


def test_a_key_that_is_taken_out_of_the_file_stops_working(office, tmp_path):
    desk, headers = keyed(office, tmp_path, "anna")
    assert desk.client.get("/jobs", headers=headers).status_code == 200
    (tmp_path / "keys").write_text("# nobody\n")
    assert desk.client.get("/jobs", headers=headers).status_code == 401


def test_a_tenant_never_sees_anothers_job(office, tmp_path, working):
    desk, anna, bert = keyed(office, tmp_path, "anna", "bert")
    job = finished(desk, working, anna)["job_id"]
    paths = ("", "/events", "/report.json", "/report.pdf", "/evidence/frame-1.png", "/video")
    for path in paths:
        assert desk.client.get(f"/jobs/{job}{path}", headers=bert).status_code == 404
    assert desk.client.delete(f"/jobs/{job}", headers=bert).status_code == 404
    assert desk.client.get("/jobs", headers=bert).json()["total"] == 0
    assert desk.client.get(f"/jobs/{job}/evidence/frame-1.png", headers=anna).status_code == 200
    # nor learns from the time it takes that another has sent the same video
    assert finished(desk, working, bert)["cached"] is False


def test_a_signed_address_works_without_a_key_and_for_nothing_else(office, tmp_path, working):
    desk, anna, bert = keyed(office, tmp_path, "anna", "bert")
    job = finished(desk, working, anna)
    address = job["evidence"][0]["url"]
    assert desk.client.get(address).content.startswith(b"\x89PNG")
    assert desk.client.get(job["video_url"]).content == b"ok"
    assert desk.client.get(address, headers=bert).status_code == 200
    wrong = address[:-1] + ("0" if address[-1] != "0" else "1")
    for other in (wrong, address.replace(job["job_id"], "0" * 32)):
        assert desk.client.get(other).status_code == 403


def test_a_signed_address_whose_time_is_over_asks_for_a_key(office, tmp_path, working):
    desk, anna, bert = keyed(office, tmp_path, "anna", "bert", link_minutes=1e-4)
    address = finished(desk, working, anna)["evidence"][0]["url"]
    time.sleep(1.1)
    told = [desk.client.get(address, headers=one).status_code for one in ({}, anna, bert)]
    assert told == [403, 200, 404]


def test_one_tenants_idempotency_key_is_not_anothers(office, tmp_path):
    desk, anna, bert = keyed(office, tmp_path, "anna", "bert")
    same = {"Idempotency-Key": "1"}
    assert submitted(desk, {**anna, **same}) != submitted(desk, {**bert, **same})


def test_one_tenant_cannot_fill_the_queue(office, tmp_path):
    desk, anna, bert = keyed(office, tmp_path, "anna", "bert", max_queued_per_tenant=1)
    submitted(desk, anna)
    answer = desk.client.post("/analyze-video", files={"file": ("a", b"x")}, headers=anna)
    assert answer.status_code == 429
    assert submitted(desk, bert)


def test_who_asks_too_often_is_told_to_wait(office, tmp_path):
    desk, anna, bert = keyed(office, tmp_path, "anna", "bert", requests_per_minute=3)
    told = [desk.client.get("/jobs", headers=anna).status_code for _ in range(4)]
    assert told == [200, 200, 200, 429]
    assert 1 <= int(desk.client.get("/jobs", headers=anna).headers["Retry-After"]) <= 60
    assert desk.client.get("/jobs", headers=bert).status_code == 200


def test_a_bucket_fills_again_with_time(monkeypatch):
    moment = [0.0]
    monkeypatch.setattr("bento.api.middleware.admission.time.monotonic", lambda: moment[0])
    buckets = TokenBucketLimiter(per_minute=60)
    assert [buckets.take("a") for _ in range(60)] == [0.0] * 60
    assert buckets.take("a") == pytest.approx(1.0)
    moment[0] = 1.0
    assert buckets.take("a") == 0.0
    assert buckets.take("a") > 0


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}]
)
def test_without_keys_a_page_of_another_site_gets_no_answer(office, headers):
    answer = office().client.get("/jobs", headers=headers)
    assert answer.status_code == 403


def test_every_answer_carries_the_headers_of_safety(office):
    client = office().client
    for path in ("/jobs", "/nothing", f"/jobs/{'0' * 32}", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"


def test_no_answer_names_a_folder_of_the_server(office, working):
    desk = office(attempts=1)
    with working(desk):
        jobs = [desk.until(desk.submit(text)) for text in ("ok", "confuse", "refuse no", "crash")]
    told = [desk.client.get(f"/jobs/{job['job_id']}").text for job in jobs]
    told += [desk.client.get("/jobs").text, desk.client.get("/openapi.json").text]
    told += [desk.client.get("/jobs/..%2f..%2fetc/events").text]
    told += [desk.client.post("/analyze-video", data={"start_s": "x"}).text]
    folder = str(desk.parts.settings.folder.parent)
    for text in told:
        assert folder not in text
        assert not re.search(r"Traceback|/tmp/|/site-packages/|\.py\b", text)


@pytest.mark.parametrize(
    ("address", "keys", "refused"),
    [("127.0.0.1", False, False), ("0.0.0.0", False, True), ("0.0.0.0", True, False)],
)
def test_the_service_does_not_start_where_others_reach_it_without_keys(
    address, keys, refused, monkeypatch, tmp_path
):
    with socket.create_server((address, 0)) as listening:
        words = ["worker", "--fd", str(listening.fileno()), "x"]
        assert bound_host(words) == address
        monkeypatch.setattr("sys.argv", words)
        settings = ServiceSettings(api_keys_file=tmp_path / "keys" if keys else None)
        if refused:
            with pytest.raises(ConfigError, match="API keys are needed"):
                require_api_keys_for_public_bind(settings)
        else:
            require_api_keys_for_public_bind(settings)
        assert listening.getsockname()[0] == address


def test_a_file_of_keys_that_is_missing_or_damaged_is_named(office, tmp_path):
    with pytest.raises(ConfigError, match="nowhere"):
        office(api_keys_file=tmp_path / "nowhere")
    (tmp_path / "keys").write_text("anna secret\n")
    with pytest.raises(ConfigError, match="line 1"):
        office(api_keys_file=tmp_path / "keys")


def test_only_this_machines_addresses_are_loopback():
    known = {"127.0.0.1": True, "::1": True, "localhost": True, "192.168.0.1": False, None: False}
    assert {host: is_loopback(host) for host in known} == known
