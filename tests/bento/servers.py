"""Temporary servers for tests: Redis, PostgreSQL, S3, BentoML."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
import sqlalchemy as sa

from tests.factories import wait_until

POSTGRESQL_URL = os.environ.get("UNMASK_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def accepts_connections(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True


class RedisServer:
    """A Redis server without persistence."""

    def __init__(self):
        self.port = free_port()
        self.process = None

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until(lambda: accepts_connections(self.port), 10)
        return f"redis://127.0.0.1:{self.port}/0"

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def redis():
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on this machine")
    server = RedisServer()
    server.start()
    yield server
    server.kill()


@pytest.fixture
def database():
    """The URL of a temporary PostgreSQL database."""
    url = POSTGRESQL_URL.replace("postgresql://", "postgresql+pg8000://")
    engine = sa.create_engine(f"{url}/postgres", isolation_level="AUTOCOMMIT")
    name = f"unmask_test_{secrets.token_hex(6)}"
    try:
        with engine.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
    except (sa.exc.DBAPIError, OSError):
        pytest.skip("no PostgreSQL on this machine")
    yield f"{POSTGRESQL_URL}/{name}"
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture(scope="module")
def s3_endpoint(tmp_path_factory):
    """The URL of a local S3 store with the buckets `kept` and `videos`."""
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
def bentoml_serve(target, folder, **environment):
    """Run `bentoml serve` as `make serve` does; yields its URL and the process once it is ready."""
    port = free_port()
    command = [sys.executable, "-m", "bentoml", "serve", target, "--port", str(port)]
    variables = {name: str(value) for name, value in environment.items()}
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1"], cwd=folder, env={**os.environ, **variables}
    )
    base = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or _ready(base), interval_s=0.2)
        assert process.poll() is None, "the service has exited"
        yield base, process
    finally:
        process.terminate()
        process.wait(60)


def _ready(base):
    try:
        return httpx.get(f"{base}/readyz").status_code == 200
    except httpx.TransportError:
        return False
