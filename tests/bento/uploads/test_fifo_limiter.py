"""Who came first is served first, and whoever does not want a turn holds up nobody."""

import asyncio
import http.client
from urllib.parse import urlsplit

import httpx
import pytest

from bento.api.streaming_multipart import MAX_CONCURRENT_BLOCKS
from bento.uploads.fifo_limiter import FifoLimiter


async def upload(turns, number, blocks, log, pause=None):
    for block in range(blocks):
        if pause is not None:
            await pause.wait()
        async with turns.taken(number):
            log.append((number, block))
            await asyncio.sleep(0)


def run(work):
    return asyncio.run(asyncio.wait_for(work, 10))


def test_the_first_to_come_is_through_before_the_last_has_got_far():
    async def work():
        turns, log = FifoLimiter(1), []
        numbers = [turns.next_ticket() for _ in range(4)]
        await asyncio.gather(*(upload(turns, one, 5, log) for one in reversed(numbers)))
        return log

    log = run(work())
    ends = {number: place for place, (number, block) in enumerate(log) if block == 4}
    assert sorted(log) == [(number, block) for number in range(4) for block in range(5)]
    assert ends[0] < ends[2]
    assert ends[1] < ends[3]
    assert ends[0] < 12  # shared evenly, nobody would be through before the seventeenth block


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_than_so_many_go_on_at_once(at_once):
    async def work():
        turns, held, most = FifoLimiter(at_once), 0, 0

        async def hold(number):
            nonlocal held, most
            async with turns.slot(number):
                held += 1
                most = max(most, held)
                await asyncio.sleep(0.001)
                held -= 1

        await asyncio.gather(*(hold(turns.next_ticket()) for _ in range(20)))
        return most

    assert run(work()) == at_once


def test_a_sender_that_is_slow_holds_up_nobody():
    async def work():
        turns, log, arrived = FifoLimiter(1), [], asyncio.Event()
        slow = asyncio.create_task(upload(turns, turns.next_ticket(), 3, log, pause=arrived))
        await upload(turns, turns.next_ticket(), 3, log)
        assert [number for number, _ in log] == [1, 1, 1]
        arrived.set()
        await slow
        return log

    assert len(run(work())) == 6


@pytest.mark.parametrize("called", [False, True])
def test_a_turn_of_one_who_went_away_is_the_next_ones(called):
    async def work():
        turns, log = FifoLimiter(1), []
        first, gone, last = (turns.next_ticket() for _ in range(3))
        async with turns.slot(first):
            leaving = asyncio.create_task(upload(turns, gone, 1, log))
            staying = asyncio.create_task(upload(turns, last, 1, log))
            await asyncio.sleep(0)
            if not called:
                leaving.cancel()
                await asyncio.sleep(0)
        leaving.cancel()  # if called: its turn has come, and it has not noticed yet
        await staying
        assert leaving.cancelled() or leaving.cancelling()
        assert log == [(last, 0)]
        async with turns.slot(first):  # nothing was lost
            pass

    run(work())


def test_forms_that_break_off_or_are_none_leave_room_for_the_next(office, served):
    address = f"{served(office())}/analyze-video"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    begun = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + bytes(
        8000
    )
    for _ in range(2 * MAX_CONCURRENT_BLOCKS):
        port = urlsplit(address).port
        stopped = http.client.HTTPConnection("127.0.0.1", port)
        stopped.request("POST", "/analyze-video", begun, {**kind, "Content-Length": "900000"})
        stopped.close()
        broken = httpx.post(address, content=b"--b\r\nno header\r\n\r\nx", headers=kind)
        assert broken.status_code == 400
    whole = httpx.post(address, files={"file": ("a", b"ok")}, timeout=10)
    assert whole.status_code == 202


def test_a_turn_ends_with_a_failure():
    async def work():
        turns = FifoLimiter(1)
        with pytest.raises(ValueError, match="broken"):
            async with turns.slot(turns.next_ticket()):
                raise ValueError("broken")
        async with turns.slot(turns.next_ticket()):
            return True

    assert run(work())
