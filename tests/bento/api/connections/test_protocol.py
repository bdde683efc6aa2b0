"""Limits of a connection, by raw requests to a real server."""

import asyncio
import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn

from bento.api.connections.guard import ConnectionGuard, Deadlines
from bento.api.connections.protocol import MAX_HEAD_BYTES, GuardedProtocol
from tests.factories import TIMEOUT_S, wait_until

DEFAULT = Deadlines()
SHORT = Deadlines(head_s=0.4, body_s=0.4, body_bytes=10, read_s=0.4)
UPLOAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
LEFT = threading.Event()  # the client of /wait has left
ENDLESS = b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n"


async def echo_size(scope, receive, send):
    """Answer with the size of the body, or with 650 MB."""
    if scope["path"] == "/endless":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(10_000):
            await send({"type": "http.response.body", "body": bytes(1 << 16), "more_body": True})
            await asyncio.sleep(0)
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message["more_body"]
    headers = [(b"content-length", str(len(str(size))).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": str(size).encode()})


async def count_headers(scope, receive, send):
    """Answer with the number of headers, read after the body and so after trailers as well."""
    while (await receive())["more_body"]:
        pass
    count = str(len(scope["headers"])).encode()
    headers = [(b"content-length", str(len(count)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": count})


async def wait_until_left(_, receive, send):
    while (await receive())["type"] != "http.disconnect":
        pass
    LEFT.set()


async def route(scope, receive, send):
    apps = {"/headers": count_headers, "/wait": wait_until_left}
    await apps.get(scope["path"], echo_size)(scope, receive, send)


@contextmanager
def serve(deadlines=DEFAULT, max_total=100, max_per_address=100, loop="asyncio"):
    """Run a server; yields its port, a function that stops it, and its thread."""

    class Protocol(GuardedProtocol):
        guard = ConnectionGuard(max_total, max_per_address, deadlines, scan_interval_s=0.05)
        stop_grace_s = 0.3

    config = uvicorn.Config(
        route, port=0, http=Protocol, lifespan="off", log_level="critical", loop=loop
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)

    def stop():
        server.should_exit = True

    try:
        yield server.servers[0].sockets[0].getsockname()[1], stop, thread
    finally:
        stop()
        thread.join()


@contextmanager
def connect(port):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield connection


def read_response(connection):
    """Return status, headers and body of the response; a status of 0 for a closed connection."""
    received = b""
    while b"\r\n\r\n" not in received:
        block = connection.recv(65536)
        if not block:
            return 0, {}, b""
        received += block
    head, _, body = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return int(status_line.split()[1]), headers, body


def send_all(connection, blocks):
    """Send until the server closes the connection; return the number of bytes sent."""
    sent = 0
    try:
        for block in blocks:
            connection.sendall(block)
            sent += len(block)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return sent


def assert_refused(response, status):
    actual, headers, body = response
    assert actual == status
    assert headers["connection"] == "close"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body)["error"]


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_requests_of_every_usual_kind_pass(loop):
    pytest.importorskip(loop)
    with serve(loop=loop) as (port, *_), connect(port) as connection:
        for size in (0, 10, 3_000_000):
            head = f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode()
            threading.Thread(target=connection.sendall, args=(head + bytes(size),)).start()
            assert read_response(connection)[::2] == (200, str(size).encode())
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2)  # pipelined
        received = b""
        while received.count(b"\r\n\r\n0") < 2:
            received += connection.recv(65536)


def test_chunked_body_larger_than_the_limit_of_headers_passes():
    chunks = b"%x\r\n%b\r\n" % (MAX_HEAD_BYTES * 4, bytes(MAX_HEAD_BYTES * 4)) * 3 + b"0\r\n\r\n"
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serve() as (port, *_), connect(port) as connection:
        connection.sendall(head + chunks)
        assert read_response(connection)[::2] == (200, str(MAX_HEAD_BYTES * 12).encode())


def test_request_before_a_pipelined_one_learns_that_its_client_has_left():
    LEFT.clear()
    with serve() as (port, *_):
        with connect(port) as connection:
            connection.sendall(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n" + b"GET / HTTP/1.1\r\n\r\n")
            time.sleep(0.2)
        assert LEFT.wait(TIMEOUT_S)


def test_trailers_do_not_become_headers():
    head = b"POST /headers HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serve() as (port, *_), connect(port) as connection:
        for _ in range(2):  # the headers of the next request count
            connection.sendall(head + b"1\r\na\r\n0\r\n" + b"A: a\r\n" * 150 + b"\r\n")
            assert read_response(connection)[::2] == (200, b"2")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"a" * MAX_HEAD_BYTES + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: a\r\n" * 101 + b"\r\n",
        b"GET /" + b"a" * MAX_HEAD_BYTES + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=["large header", "many headers", "long address"],
)
def test_large_head_is_refused(head):
    with serve() as (port, *_), connect(port) as connection:
        connection.sendall(head)
        assert_refused(read_response(connection), 431)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize(
    "start",
    [
        b"GET / HTTP/1.1\r\nA: ",
        b"GET /",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nA: ",
    ],
    ids=["header", "address", "trailer"],
)
def test_head_without_end_is_refused_soon_after_the_limit(start, loop):
    pytest.importorskip(loop)
    with serve(loop=loop) as (port, *_), connect(port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        sent = send_all(connection, [start, *[b"a" * 65536] * 1000])
    assert sent < 20_000_000  # what the buffers of both sockets hold, not 65 MB


def test_the_server_answers_while_a_client_sends_a_header_without_end():
    with serve() as (port, *_), connect(port) as attacker, connect(port) as other:
        attacker.sendall(b"GET / HTTP/1.1\r\nA: ")
        thread = threading.Thread(target=send_all, args=(attacker, [b"a" * 65536] * 1000))
        thread.start()
        other.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        start = time.monotonic()
        assert read_response(other)[0] == 200
        assert time.monotonic() - start < 2.0
        thread.join()


@pytest.mark.parametrize(
    "request_",
    [b"this is not HTTP\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Type: a/\xff\r\n\r\n"],
    ids=["line", "content type"],
)
def test_malformed_request_is_answered_in_json(request_):
    with serve() as (port, *_), connect(port) as connection:
        connection.sendall(request_)
        assert_refused(read_response(connection), 400)


def test_other_headers_may_have_any_encoding():
    with serve() as (port, *_), connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Name: J\xf6rg\r\n\r\n")
        assert read_response(connection)[0] == 200


@pytest.mark.parametrize(
    ("start", "status"),
    [(b"", 0), (b"GET / HTTP/1.1\r\nHost", 408), (UPLOAD, 408), (UPLOAD + bytes(100), 408)],
    ids=["nothing", "half a head", "no body", "half a body"],
)
def test_silent_connection_is_closed(start, status):
    with serve(SHORT) as (port, *_), connect(port) as connection:
        connection.sendall(start)
        response = read_response(connection)
        assert response[0] == status
        if status:
            assert_refused(response, status)
            assert connection.recv(1) == b""


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nA: ", UPLOAD], ids=["head", "body"])
def test_connection_that_drips_is_closed(start):
    with serve(SHORT) as (port, *_), connect(port) as connection:
        connection.sendall(start)
        closed = threading.Event()

        def drip():
            while not closed.wait(0.1):
                send_all(connection, [b"a"])

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            assert_refused(read_response(connection), 408)
        finally:
            closed.set()
            thread.join()


def test_upload_that_goes_on_is_not_closed():
    with serve(SHORT) as (port, *_), connect(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n")
        start = time.monotonic()
        for _ in range(20):
            connection.sendall(bytes(100))
            time.sleep(0.1)
        assert time.monotonic() - start > 4 * SHORT.body_s
        assert read_response(connection)[::2] == (200, b"2000")


def test_client_that_reads_nothing_is_disconnected():
    with serve(SHORT) as (port, *_), connect(port) as connection:
        connection.sendall(ENDLESS)

        def is_closed():
            try:
                connection.sendall(b"a")
            except (BrokenPipeError, ConnectionResetError):
                return True
            return False

        wait_until(is_closed)


def test_connections_above_the_limit_of_an_address_get_503_until_one_is_closed():
    with serve(max_per_address=2) as (port, *_), connect(port), connect(port) as second:
        second.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_response(second)[0] == 200  # both are counted
        with connect(port) as third:
            response = read_response(third)
            assert_refused(response, 503)
            assert int(response[1]["retry-after"]) > 0
        second.close()

        def is_accepted():
            with connect(port) as connection:
                send_all(connection, [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
                return read_response(connection)[0] == 200

        wait_until(is_accepted)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("start", [b"", UPLOAD, ENDLESS], ids=["idle", "upload", "download"])
def test_stop_ends_in_time_with_a_connection_that_stalls(start, loop):
    pytest.importorskip(loop)
    with serve(loop=loop) as (port, stop, thread), connect(port) as connection:
        connection.sendall(start)
        time.sleep(0.2)
        stop()
        thread.join(5)
        assert not thread.is_alive()
