"""Webhooks reach who waits for them, signed; and nobody whom they should not reach."""

import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from bento.db.models import Job
from bento.security.api_keys import webhook_secret
from bento.webhooks.delivery import WebhookUrlError, backoff_s, is_public, resolve_public_target


@pytest.fixture
def receiver():
    """A server on this machine that answers as told and keeps what it gets."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.endswith("slow"):
                server.free.wait(10)
            server.got.append((self.path, dict(self.headers), body))
            self.send_response(server.answers.pop(0) if server.answers else 200)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.answers, server.free = [], [], threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(server):
    return f"http://localhost:{server.server_port}/hook?a=b"


def delivered(server):
    return [headers["Unmask-Delivery"] for _, headers, _ in server.got]


def until(holds):
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def due_now(desk):
    with Session(desk.parts.engine) as session:
        session.execute(update(Job).where(Job.webhook_due.is_not(None)).values(webhook_due=1.0))
        session.commit()


@pytest.mark.parametrize(("text", "status"), [("ok", "done"), ("refuse this", "failed")])
def test_a_webhook_tells_the_end_and_is_signed_for_its_tenant(
    office, working, receiver, text, status
):
    desk = office(webhook_private=True)
    with working(desk):
        job = desk.until(desk.submit(text, webhook_url=address(receiver)))
    desk.keeper.tell()
    desk.keeper.tell()
    ((path, headers, body),) = receiver.got
    assert path == "/hook?a=b"
    assert headers["Host"] == f"localhost:{receiver.server_port}"
    told = json.loads(body)
    assert (told["job_id"], told["status"]) == (job["job_id"], status)
    secret = webhook_secret(desk.parts.signing_key, "local").encode()
    said = headers["Unmask-Timestamp"].encode() + b"." + body
    wanted = "v1=" + hmac.new(secret, said, hashlib.sha256).hexdigest()
    assert headers["Unmask-Signature"] == wanted
    assert webhook_secret(desk.parts.signing_key, "bert").encode() != secret


@pytest.mark.parametrize("odd", ["\x00", "\n", " ", "\u0430"])
def test_an_address_with_what_cannot_be_seen_is_refused(office, odd):
    form = {"webhook_url": f"http://localhost/{odd}x"}
    answer = office(webhook_private=True).client.post(
        "/analyze-video", files={"file": ("a", b"x")}, data=form
    )
    assert answer.status_code == 422
    assert "webhook_url" in answer.json()["error"]


def test_who_cancels_a_job_is_told_so_as_well(office, receiver):
    desk = office(webhook_private=True)
    job = desk.submit(webhook_url=address(receiver))
    desk.client.delete(f"/jobs/{job}")
    desk.keeper.tell()
    ((_, _, body),) = receiver.got
    told = json.loads(body)
    assert (told["event"], told["status"]) == ("job.cancelled", "cancelled")


def test_all_machines_of_a_service_sign_alike(office, tmp_path):
    database = f"sqlite:///{tmp_path}/shared.db"
    keys = {office(folder=tmp_path / name, database=database).parts.signing_key for name in "abc"}
    assert len(keys) == 1
    assert office(folder=tmp_path / "d").parts.signing_key not in keys
    assert office(secret="our own").parts.signing_key == b"our own"


def test_a_webhook_is_tried_again_and_given_up_in_the_end(office, working, receiver):
    receiver.answers[:] = [500, 302, 404]
    desk = office(webhook_private=True, webhook_tries=3)
    with working(desk):
        desk.until(desk.submit(webhook_url=address(receiver)))
    for _ in range(5):
        desk.keeper.tell()  # not due yet, unless it is the first time
        due_now(desk)
    assert [path for path, *_ in receiver.got] == ["/hook?a=b"] * 3  # and no redirect is followed


def test_a_receiver_that_is_away_fails_no_job(office, working, receiver):
    desk = office(webhook_private=True)
    with working(desk):
        job = desk.until(desk.submit(webhook_url="http://localhost:1/"))
    desk.keeper.tell()
    assert desk.job(job["job_id"])["status"] == "done"


def test_an_address_that_nobody_understands_stops_no_others(office, working, receiver):
    desk = office(webhook_private=True)
    with working(desk):
        odd = desk.until(desk.submit("one", webhook_url=address(receiver)))
        desk.until(desk.submit("two", webhook_url=address(receiver)))
    with Session(desk.parts.engine) as session:  # as an earlier release took it
        taken = {"webhook_url": "http://localhost:1/\x01", "retention": "keep"}
        session.execute(update(Job).where(Job.id == odd["job_id"]).values(options=taken))
        session.commit()
    desk.keeper.tell()
    assert len(receiver.got) == 1


def test_two_who_send_webhooks_send_each_once(office, working, receiver):
    desk = office(webhook_private=True)
    with working(desk):
        jobs = [desk.submit(str(number), webhook_url=address(receiver)) for number in range(5)]
        for job in jobs:
            desk.until(job)
    threads = [threading.Thread(target=desk.keeper.tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(delivered(receiver)) == sorted(jobs)


def test_slow_receivers_of_one_tenant_keep_no_other_tenant_waiting(office, working, receiver):
    desk = office(webhook_private=True)
    receiver.free.clear()
    with working(desk):
        slow = [desk.submit(str(n), webhook_url=address(receiver) + "&slow") for n in range(6)]
        other = desk.submit("other", webhook_url=address(receiver))
        for job in [*slow, other]:
            desk.until(job)
    with Session(desk.parts.engine) as session:
        session.execute(update(Job).where(Job.id == other).values(tenant="other"))
        session.commit()
    desk.keeper.start()
    try:
        until(lambda: other in delivered(receiver))
        assert set(delivered(receiver)) == {other}
        receiver.free.set()
        until(lambda: set(delivered(receiver)) == {other, *slow})
    finally:
        receiver.free.set()
        desk.keeper.stop()


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://10.1.2.3/",
        "https://192.168.1.1:8080/",
        "https://169.254.169.254/latest/meta-data",
        "https://0.0.0.0/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fd00::1]/",
        "https://[fec0::1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://user:word@93.184.216.34/",
        "http://93.184.216.34/",
        "ftp://93.184.216.34/",
        "https://",
        "https://[x/",
        "https://a:b/",
        "//93.184.216.34/",
        "x" * 1000,
    ],
)
def test_no_webhook_goes_into_this_network(office, url):
    with pytest.raises(WebhookUrlError):
        resolve_public_target(url, private=False)
    desk = office()
    answer = desk.client.post(
        "/analyze-video", files={"file": ("a", b"x")}, data={"webhook_url": url}
    )
    assert answer.status_code == 422
    assert "webhook_url" in answer.json()["error"]
    assert desk.client.get("/jobs").json()["total"] == 0


def test_a_name_that_has_become_private_since_it_was_taken_gets_nothing(
    office, working, receiver, monkeypatch
):
    desk = office(webhook_private=True)
    with working(desk):
        desk.until(desk.submit(webhook_url=address(receiver)))
    desk.parts.settings.__dict__["webhook_private"] = False
    desk.keeper.tell()
    assert receiver.got == []


def test_what_is_connected_to_is_the_address_that_was_looked_at(monkeypatch):
    answers = iter([[(0, 0, 0, "", ("93.184.216.34", 443))]])
    monkeypatch.setattr(
        "bento.webhooks.delivery.socket.getaddrinfo", lambda *_, **__: next(answers)
    )
    target = resolve_public_target("https://example.org/a", private=False)
    assert (target.address, target.host) == ("93.184.216.34", "example.org")


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    found = [(0, 0, 0, "", (one, 443)) for one in ("93.184.216.34", "127.0.0.1")]
    monkeypatch.setattr("bento.webhooks.delivery.socket.getaddrinfo", lambda *_, **__: found)
    with pytest.raises(WebhookUrlError):
        resolve_public_target("https://example.org/", private=False)


def test_pauses_grow_and_end():
    assert [backoff_s(tries) >= 20 * 2 ** (tries - 1) for tries in range(1, 8)] == [True] * 7
    assert 3600 <= backoff_s(30) <= 3600 * 1.2


def test_public_addresses_are_public():
    assert is_public("8.8.8.8")
    assert is_public("2606:4700:4700::1111")
    assert not is_public("100.64.0.1")
    assert not is_public("224.0.0.1")
