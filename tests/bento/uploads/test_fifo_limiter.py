"""Tenants take turns, a tenant's tickets are in order, a holder that leaves blocks nobody."""

import asyncio

import pytest

from bento.uploads.fifo_limiter import FifoLimiter


async def upload(limiter, ticket, blocks, log, arrived=None):
    """Process ``blocks`` blocks, a slot for each; wait for ``arrived`` first."""
    for block in range(blocks):
        if arrived is not None:
            await arrived.wait()
        async with limiter.slot(ticket):
            log.append((ticket.number, block))
            await asyncio.sleep(0)


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 10))


def test_uploads_are_served_first_come_first_served():
    async def upload_four():
        limiter, log = FifoLimiter(1), []
        tickets = [limiter.next_ticket("anna") for _ in range(4)]
        await asyncio.gather(*(upload(limiter, ticket, 5, log) for ticket in reversed(tickets)))
        return log

    log = run(upload_four())
    ends = {ticket: index for index, (ticket, block) in enumerate(log) if block == 4}
    assert sorted(log) == [(ticket, block) for ticket in range(4) for block in range(5)]
    assert ends[0] < ends[2]
    assert ends[1] < ends[3]
    assert ends[0] < 12  # with fair sharing, no upload would end before the 17th block


def test_many_uploads_of_a_tenant_delay_another_tenant_by_a_block_at_most():
    async def upload_beside():
        limiter, log = FifoLimiter(1), []
        annas = [limiter.next_ticket("anna") for _ in range(4)]
        bobs = limiter.next_ticket("bob")
        await asyncio.gather(*(upload(limiter, ticket, 9, log) for ticket in [*annas, bobs]))
        return [number for number, _ in log], bobs.number

    order, bob = run(upload_beside())
    assert order.count(bob) == 9
    last = max(index for index, number in enumerate(order) if number == bob)
    assert last <= 2 * 9 + 1  # first come, first served: after 36 blocks of the other tenant


@pytest.mark.parametrize("capacity", [1, 3])
def test_capacity_is_used_and_never_exceeded(capacity):
    async def hold_twenty():
        limiter, held, maximum = FifoLimiter(capacity), 0, 0

        async def hold(ticket):
            nonlocal held, maximum
            async with limiter.slot(ticket):
                held += 1
                maximum = max(maximum, held)
                await asyncio.sleep(0)
                held -= 1

        await asyncio.gather(*(hold(limiter.next_ticket("anna")) for _ in range(20)))
        return maximum

    assert run(hold_twenty()) == capacity


def test_slow_client_delays_nobody():
    async def upload_slow_and_fast():
        limiter, log, arrived = FifoLimiter(1), [], asyncio.Event()
        slow = asyncio.create_task(upload(limiter, limiter.next_ticket("anna"), 3, log, arrived))
        await upload(limiter, limiter.next_ticket("anna"), 3, log)
        assert [ticket for ticket, _ in log] == [1, 1, 1]
        arrived.set()
        await slow
        return log

    assert len(run(upload_slow_and_fast())) == 6


@pytest.mark.parametrize("granted", [False, True], ids=["while waiting", "when just granted"])
def test_slot_of_a_cancelled_waiter_goes_to_the_next_one(granted):
    async def cancel_waiter():
        limiter, log = FifoLimiter(1), []
        first, cancelled, last = (limiter.next_ticket("anna") for _ in range(3))
        async with limiter.slot(first):
            leaving = asyncio.create_task(upload(limiter, cancelled, 1, log))
            staying = asyncio.create_task(upload(limiter, last, 1, log))
            await asyncio.sleep(0)
            if not granted:
                leaving.cancel()
                await asyncio.sleep(0)
        leaving.cancel()  # if granted: it has the slot but has not resumed yet
        await staying
        assert leaving.cancelled() or leaving.cancelling()
        assert log == [(last.number, 0)]
        async with limiter.slot(first):  # the slot was not lost
            pass

    run(cancel_waiter())


def test_slot_is_released_after_an_exception():
    async def fail_and_retry():
        limiter = FifoLimiter(1)
        with pytest.raises(ValueError, match="broken"):
            async with limiter.slot(limiter.next_ticket("anna")):
                raise ValueError("broken")
        async with limiter.slot(limiter.next_ticket("anna")):
            return True

    assert run(fail_and_retry())
