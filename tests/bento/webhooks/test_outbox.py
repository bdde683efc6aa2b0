"""The webhook outbox: attempts, concurrent senders, fairness between tenants."""

import threading

from sqlalchemy import update

from bento.db.models import Job
from bento.db.transactions import transaction
from tests.bento.fakes.clock import FakeClock
from tests.factories import wait_until


def delivered(receiver):
    return [headers["Unmask-Delivery"] for _, headers, _ in receiver.received]


def test_webhook_is_retried_and_given_up_after_the_last_attempt(
    make_service, running_worker, receiver
):
    receiver.responses[:] = [500, 302, 404]
    clock = FakeClock()
    service = make_service(clock=clock, webhook_private=True, webhook_tries=3)
    with running_worker(service):
        service.wait_for(service.submit(webhook_url=receiver.url))
    attempts = []
    for _ in range(5):
        clock.advance(3600 * 1.2 + 1)
        service.maintenance.deliver_webhooks()
        service.maintenance.deliver_webhooks()  # the next attempt is not due yet
        attempts.append(len(receiver.received))
    assert attempts == [1, 2, 3, 3, 3]
    assert {path for path, *_ in receiver.received} == {"/hook?a=b"}  # no redirect is followed


def test_concurrent_senders_send_each_webhook_once(make_service, running_worker, receiver):
    service = make_service(webhook_private=True)
    with running_worker(service):
        jobs = [service.submit(str(number), webhook_url=receiver.url) for number in range(5)]
        for job in jobs:
            service.wait_for(job)
    threads = [threading.Thread(target=service.maintenance.deliver_webhooks) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(delivered(receiver)) == sorted(jobs)


def test_slow_receivers_of_one_tenant_do_not_delay_other_tenants(
    make_service, running_worker, receiver
):
    service = make_service(webhook_private=True)
    with running_worker(service):
        slow = [service.submit(str(n), webhook_url=f"{receiver.url}&slow") for n in range(6)]
        other = service.submit("other", webhook_url=receiver.url)
        for job in [*slow, other]:
            service.wait_for(job)
    with transaction(service.services.engine) as session:
        session.execute(update(Job).where(Job.id == other).values(tenant="other"))
    service.maintenance.start()
    try:
        wait_until(lambda: other in delivered(receiver))
        assert set(delivered(receiver)) == {other}
        receiver.free.set()
        wait_until(lambda: set(delivered(receiver)) == {other, *slow})
    finally:
        receiver.free.set()
        service.maintenance.stop()
