"""Hubs that cannot be used."""

import socketserver
import threading

import pytest
from huggingface_hub import constants


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """An unreachable hub and an empty cache."""
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def broken_hub(offline, monkeypatch):
    """A hub that closes every connection without a response; yields the list of connections."""
    connections = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            connections.append("connection")

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield connections
        server.shutdown()
        thread.join()
