"""The HTTP protocol of the service: uvicorn's, with limits that hold before a request exists.

uvicorn itself limits neither the size of headers nor the time that a client takes for them. The
methods below override callbacks of :class:`HttpToolsProtocol`; the range of uvicorn versions is
therefore pinned, and ``tests/bento/api/connections`` fails if one of them disappears.
"""

from collections import deque
from typing import Any, ClassVar

import uvicorn.config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from bento.api.connections.guard import (
    ConnectionGuard,
    Deadlines,
    max_connections,
    raise_file_limit,
)
from bento.api.error_response import error_response
from bento.api.security_headers import SECURITY_HEADERS

MAX_HEAD_BYTES = 32 * 1024  # request line and headers; also whatever follows the last body byte
MAX_HEADERS = 100
STOP_GRACE_S = 5  # for requests in progress, once the service is told to stop
TASK_GRACE_S = 8  # for what goes on after their connections were closed

MALFORMED = "the HTTP request is malformed; send it with an HTTP library"
HEAD_TOO_LARGE = (
    f"the request line and headers exceed {MAX_HEAD_BYTES // 1024} KiB or {MAX_HEADERS} headers; "
    "send fewer or shorter ones"
)
HEAD_TOO_SLOW = "the headers did not arrive in time; send the request again"
BODY_TOO_SLOW = "the body did not arrive in time; send the request again over a faster connection"


class RefusedHeadError(Exception):
    """Ends the parsing of a request; the parser's caller answers with the refusal."""


class GuardedProtocol(HttpToolsProtocol):
    """A connection with limits; ``guard`` is set before the first connection.

    Attributes:
        guard: The connections of this process.
        stop_grace_s: How long a request may go on after the service was told to stop.
    """

    guard: ClassVar[ConnectionGuard]
    stop_grace_s: ClassVar[float] = STOP_GRACE_S

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ws_protocol_class = None  # no route is a WebSocket, and they would escape the guard
        if self.config.timeout_graceful_shutdown is None:
            self.config.timeout_graceful_shutdown = TASK_GRACE_S  # unlimited by default
        self._refusal = ("malformed_request", MALFORMED)
        self._unfinished_bytes = 0  # received since the last part that the parser completed
        self._completed_part = False
        self._in_body = False
        self._unanswered: deque[Any] = deque()  # requests; several if they were pipelined
        self._head_since: float | None = None
        self._received_bytes = 0
        self._window_start, self._window_bytes = 0.0, 0
        self._unsent_bytes, self._unsent_since = 0, 0.0

    def connection_made(self, transport: Any) -> None:
        """Accept the connection, or answer that there are too many."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if (message := self.guard.refusal(address)) is not None:
            return self._refuse("too_many_connections", message)
        self._head_since = self.loop.time()
        self.guard.add(self, address)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection out, and tell all of its requests; uvicorn tells the last alone."""
        self.guard.remove(self)
        super().connection_lost(exc)
        for cycle in self._unanswered:
            cycle.disconnected = not cycle.response_complete
            cycle.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Parse a block; an unfinished header never grows by more than one beyond the limit."""
        self._received_bytes += len(data)
        if self._head_since is None and not self._in_body:
            self._head_since = self.loop.time()
        self._completed_part = False
        super().data_received(data)
        if self._completed_part:
            self._unfinished_bytes = 0
            return
        self._unfinished_bytes += len(data)
        if self._unfinished_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse("headers_too_large", HEAD_TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Start the request, unless its headers are too large or cannot be logged."""
        head_bytes = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if head_bytes > MAX_HEAD_BYTES or len(self.headers) > MAX_HEADERS:
            self._refusal = ("headers_too_large", HEAD_TOO_LARGE)
            raise RefusedHeadError
        # BentoML's access log decodes it, and would break off the response
        if not all(value.isascii() for name, value in self.headers if name == b"content-type"):
            raise RefusedHeadError
        self._head_since = None
        self._in_body = True
        self._window_start, self._window_bytes = self.loop.time(), self._received_bytes
        super().on_headers_complete()
        while self._unanswered and self._unanswered[0].response_complete:
            self._unanswered.popleft()
        if self.cycle is not None:
            self._unanswered.append(self.cycle)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer, which follows a chunked body, is dropped.

        uvicorn would add trailers, uncounted, to the headers of the request in progress.
        """
        if not self._in_body:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Pass a block of the body on."""
        self._completed_part = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._completed_part = True
        self._in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that the parser does not accept, in the common JSON form."""
        self._refuse(*self._refusal)

    def shutdown(self) -> None:
        """End the connection after the current request, which gets a deadline."""
        super().shutdown()
        self.loop.call_later(self.stop_grace_s, self.transport.abort)

    def close_if_stalled(self, now: float, deadlines: Deadlines) -> None:
        """Close the connection if the client neither sends nor reads what is due."""
        if self._is_reading_too_slowly(now, deadlines.read_s):
            self.transport.abort()
        elif self.transport.is_closing():
            return  # the rest of the response is on its way
        elif self._in_body:
            if self._is_body_too_slow(now, deadlines):
                self._refuse("request_timeout", BODY_TOO_SLOW)
        elif self._is_head_too_slow(now, deadlines.head_s):
            if self._received_bytes:
                self._refuse("request_timeout", HEAD_TOO_SLOW)
            else:  # a browser opens connections in advance and expects no answer on them
                self.transport.close()

    def _is_head_too_slow(self, now: float, head_s: float) -> bool:
        if self._head_since is None:
            return False
        if self.cycle is not None and not self.cycle.response_complete:
            self._head_since = now  # the next request is not due yet
        return now - self._head_since > head_s

    def _is_body_too_slow(self, now: float, deadlines: Deadlines) -> bool:
        if not self.flow.read_paused and now - self._window_start < deadlines.body_s:
            return False
        received = self._received_bytes - self._window_bytes
        too_slow = not self.flow.read_paused and received < deadlines.body_bytes
        self._window_start, self._window_bytes = now, self._received_bytes
        return too_slow

    def _is_reading_too_slowly(self, now: float, read_s: float) -> bool:
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent != self._unsent_bytes:
            self._unsent_bytes, self._unsent_since = unsent, now
        return now - self._unsent_since > read_s

    def _refuse(self, code: str, message: str) -> None:
        """Answer with an error, unless a response is under way, and close the connection."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            fields = {**SECURITY_HEADERS, "Connection": "close"}
            response = error_response(code, message, fields)
            lines = [*self.server_state.default_headers, *response.raw_headers]
            head = b"".join(name + b": " + value + b"\r\n" for name, value in lines)
            self.transport.write(
                STATUS_LINE[response.status_code] + head + b"\r\n" + bytes(response.body)
            )
        self.transport.close()


def install_guard(max_per_address: int) -> None:
    """Make the servers that this process starts use :class:`GuardedProtocol`.

    BentoML starts uvicorn itself and passes no protocol, so uvicorn's default is replaced.
    """
    GuardedProtocol.guard = ConnectionGuard(max_connections(raise_file_limit()), max_per_address)
    protocol = f"{GuardedProtocol.__module__}:{GuardedProtocol.__name__}"
    uvicorn.config.HTTP_PROTOCOLS["auto"] = protocol
