"""A service on a port, with a worker that does what the uploaded text says."""

import pytest

from tests.bento.conftest import analyzer, live_server, make_service, running_worker
from unmask.client import Client

__all__ = ["analyzer", "live_server", "make_service", "running_worker"]


@pytest.fixture
def service(make_service):
    return make_service()


@pytest.fixture
def client(service, live_server):
    with Client(live_server(service)) as connected:
        yield connected


@pytest.fixture
def video(tmp_path):
    """Write a file that the scripted worker understands."""

    def write(text="ok", name="clip.mp4"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write
