"""Servers of the tests' own: Redis, a database in PostgreSQL, an S3 store, BentoML."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import pytest
import sqlalchemy as sa

PATIENCE_S = 150

SERVER = os.environ.get("UNMASK_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True


class Redis:
    """A server of the test's own, that forgets all when it is killed."""

    def __init__(self):
        self.port = free_port()
        self.process = None

    def start(self):
        words = ["redis-server", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while not answers(self.port):
            assert time.monotonic() < end
            time.sleep(0.05)
        return f"redis://127.0.0.1:{self.port}/0"

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def redis():
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on this machine")
    server = Redis()
    server.start()
    yield server
    server.kill()


@pytest.fixture
def database():
    """A database of the test's own."""
    url = SERVER.replace("postgresql://", "postgresql+pg8000://")
    engine = sa.create_engine(f"{url}/postgres", isolation_level="AUTOCOMMIT")
    name = f"unmask_test_{secrets.token_hex(6)}"
    try:
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
    except (sa.exc.DBAPIError, OSError):
        pytest.skip("no PostgreSQL on this machine")
    yield f"{SERVER}/{name}"
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """An S3 store with two buckets, on this machine."""
    pytest.importorskip("moto")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        endpoint = f"http://{host}:{port}"
        for bucket in ("kept", "videos"):
            assert httpx.put(f"{endpoint}/{bucket}").status_code == 200
        yield endpoint
    server.stop()


@contextmanager
def bentoml_serve(what, folder, **environment):
    """Run `bentoml serve` as `make serve` does; gives its address once it answers."""
    port = free_port()
    command = [sys.executable, "-m", "bentoml", "serve", what, "--port", str(port)]
    told = {name: str(value) for name, value in environment.items()}
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1"], cwd=folder, env={**os.environ, **told}
    )
    base = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + PATIENCE_S
        while not _ready(base):
            assert process.poll() is None, "the service has ended"
            assert time.monotonic() < end, "the service does not answer"
            time.sleep(0.2)
        yield base, process
    finally:
        process.terminate()
        process.wait(60)


def _ready(base):
    try:
        return httpx.get(f"{base}/readyz").status_code == 200
    except httpx.TransportError:
        return False
