"""Webhook delivery: signed, retried, and without redirects."""

import hmac
import json

import pytest
from sqlalchemy import update
from standardwebhooks import Webhook, WebhookVerificationError

from bento.db.models import Job
from bento.db.transactions import transaction
from bento.security.signing import standard_webhook_secret, webhook_secret
from bento.webhooks.delivery import backoff_s


@pytest.mark.parametrize(("text", "status"), [("ok", "done"), ("refuse this", "failed")])
def test_webhook_reports_the_end_of_a_job_with_the_tenants_signature(
    make_service, running_worker, receiver, text, status
):
    service = make_service(webhook_private=True)
    with running_worker(service):
        job = service.wait_for(service.submit(text, webhook_url=receiver.url))
    service.maintenance.deliver_webhooks()
    service.maintenance.deliver_webhooks()
    ((path, headers, body),) = receiver.received
    assert path == "/hook?a=b"
    assert headers["Host"] == f"localhost:{receiver.server_port}"
    event = json.loads(body)
    assert (event["job_id"], event["status"]) == (job["job_id"], status)
    secret = webhook_secret(service.services.signing_key, "local").encode()
    message = headers["Unmask-Timestamp"].encode() + b"." + body
    assert headers["Unmask-Signature"] == "v1=" + hmac.digest(secret, message, "sha256").hex()


def test_webhook_is_signed_as_standard_webhooks_are(make_service, running_worker, receiver):
    service = make_service(webhook_private=True)
    with running_worker(service):
        job = service.wait_for(service.submit(webhook_url=receiver.url))
    service.maintenance.deliver_webhooks()
    ((_, headers, body),) = receiver.received
    secret = standard_webhook_secret(webhook_secret(service.services.signing_key, "local"))
    assert Webhook(secret).verify(body, dict(headers))["job_id"] == job["job_id"]
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", dict(headers))
    other = standard_webhook_secret(webhook_secret(service.services.signing_key, "other"))
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(body, dict(headers))


def test_webhook_reports_a_cancelled_job(make_service, receiver):
    service = make_service(webhook_private=True)
    job = service.submit(webhook_url=receiver.url)
    service.client.delete(f"/jobs/{job}")
    service.maintenance.deliver_webhooks()
    ((_, _, body),) = receiver.received
    event = json.loads(body)
    assert (event["event"], event["status"]) == ("job.cancelled", "cancelled")


def test_unreachable_receiver_does_not_fail_the_job(make_service, running_worker):
    service = make_service(webhook_private=True)
    with running_worker(service):
        job = service.wait_for(service.submit(webhook_url="http://localhost:1/"))
    service.maintenance.deliver_webhooks()
    assert service.job(job["job_id"])["status"] == "done"


def test_malformed_url_of_an_earlier_release_does_not_stop_other_webhooks(
    make_service, running_worker, receiver
):
    service = make_service(webhook_private=True)
    with running_worker(service):
        malformed = service.wait_for(service.submit("one", webhook_url=receiver.url))
        service.wait_for(service.submit("two", webhook_url=receiver.url))
    options = {"webhook_url": "http://localhost:1/\x01", "retention": "keep"}
    with transaction(service.services.engine) as session:
        session.execute(update(Job).where(Job.id == malformed["job_id"]).values(options=options))
    service.maintenance.deliver_webhooks()
    assert len(receiver.received) == 1


def test_url_that_has_become_private_is_not_called(make_service, running_worker, receiver):
    service = make_service(webhook_private=True)
    with running_worker(service):
        service.wait_for(service.submit(webhook_url=receiver.url))
    make_service(webhook_private=False).maintenance.deliver_webhooks()
    assert receiver.received == []


def test_backoff_doubles_up_to_an_hour():
    for tries in range(1, 8):
        assert 20 * 2 ** (tries - 1) <= backoff_s(tries) <= 24 * 2 ** (tries - 1)
    assert 3600 <= backoff_s(30) <= 3600 * 1.2
