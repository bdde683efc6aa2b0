"""Server-sent events of jobs: one watcher per job, shared by all streams of that job.

The watchers share two threads of their own, so that streams never hold up other requests.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from typing import Any, NamedTuple

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from bento.api.error_response import RequestRejected
from bento.api.thread_limit import ThreadLimit

POLL_INTERVAL_S = 0.3
KEEPALIVE_S = 15.0
KEEPALIVE = ": keep-alive\n\n"
DELETED = "event: deleted\ndata: {}\n\n"

log = logging.getLogger(__name__)
_threads = ThreadLimit(2, per_tenant=1)


class JobState(NamedTuple):
    """State of a job, as an event.

    Attributes:
        key: Differs whenever the event does.
        event: Empty for a state that has not changed.
        ended: Whether no other state follows.
    """

    key: Any
    event: str
    ended: bool


# reads the state of a job, given the key of the last one
ReadState = Callable[[Any], JobState]


class JobWatcher:
    """Reads the state of one job of ``tenant`` at intervals, for all of its streams."""

    def __init__(self, tenant: str, read: ReadState, first: JobState) -> None:
        self._tenant = tenant
        self._read = read
        self._state = first
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._watch())

    def stop(self) -> None:
        """Stop reading."""
        self._task.cancel()

    def publish(self, state: JobState) -> None:
        """Pass a state on to all streams."""
        self._state = state
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def follow(self, state: JobState) -> AsyncIterator[str]:
        """Yield the events after ``state``, and signs of life in between."""
        while not state.ended:
            if self._state.key != state.key:
                state = self._state
                yield state.event
            elif self._state.ended:  # it cannot be watched any longer
                return
            else:
                try:
                    await asyncio.wait_for(self._changed.wait(), KEEPALIVE_S)
                except TimeoutError:
                    yield KEEPALIVE

    async def _watch(self) -> None:
        while not self._state.ended:
            await asyncio.sleep(POLL_INTERVAL_S)
            try:
                state = await read_state(self._tenant, self._read, self._state.key)
            except Exception:  # the streams end, and their clients reconnect
                log.exception("a job cannot be watched")
                state = self._state._replace(ended=True)
            if state.key != self._state.key or state.ended:
                self.publish(state)


class JobEvents:
    """The event streams of this process.

    Args:
        max_per_tenant: Streams that a tenant may have open.
    """

    def __init__(self, max_per_tenant: int) -> None:
        self._max_per_tenant = max_per_tenant
        self._open: Counter[str] = Counter()
        self._streams: Counter[str] = Counter()
        self._watchers: dict[str, JobWatcher] = {}

    def response(
        self,
        tenant: str,
        job_id: str,
        read: ReadState,
        first: JobState,
        is_admitted: Callable[[], bool],
    ) -> StreamingResponse:
        """Return the stream of a job of ``tenant``, which starts with ``first``.

        Args:
            is_admitted: Whether the caller's API key still holds; the stream ends otherwise.

        Raises:
            RequestRejected: 429, the tenant has too many streams open.
        """
        if self._open[tenant] >= self._max_per_tenant:
            message = f"{self._max_per_tenant} event streams are open; close some, or poll the job"
            raise RequestRejected("too_many_waiting", message)
        self._open[tenant] += 1

        def close() -> None:
            self._open -= Counter([tenant])  # drops tenants at zero

        events = self._stream(tenant, job_id, read, first)
        return EventStreamResponse(_while_admitted(events, is_admitted), close)

    async def _stream(
        self, tenant: str, job_id: str, read: ReadState, first: JobState
    ) -> AsyncGenerator[str, None]:
        yield first.event
        if first.ended:
            return
        watcher = self._watchers.get(job_id)
        if watcher is None:
            watcher = self._watchers[job_id] = JobWatcher(tenant, read, first)
        else:
            watcher.publish(first)  # read just now
        self._streams[job_id] += 1
        try:
            async for event in watcher.follow(first):
                yield event
        finally:
            self._streams -= Counter([job_id])
            if job_id not in self._streams:
                watcher.stop()
                with suppress(KeyError):
                    del self._watchers[job_id]


async def _while_admitted(
    events: AsyncGenerator[str, None], is_admitted: Callable[[], bool]
) -> AsyncIterator[str]:
    """Yield ``events`` until a key is revoked; no event follows."""
    async with aclosing(events):
        async for event in events:
            if not is_admitted():
                return
            yield event


class EventStreamResponse(StreamingResponse):
    """A stream of events that calls ``close`` at its end, even if it never began."""

    def __init__(self, events: AsyncIterator[str], close: Callable[[], None]) -> None:
        super().__init__(
            events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._close()


async def read_state(tenant: str, read: ReadState, last_key: Any = None) -> JobState:
    """Read the state of a tenant's job on one of the threads for events."""
    return await _threads.run(tenant, read, last_key)
