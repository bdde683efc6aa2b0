"""BentoML's own client calls `/predict`."""

import warnings
from contextlib import contextmanager

import pytest


@contextmanager
def make_client(url):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # imports of BentoML
        bentoml = pytest.importorskip("bentoml")
    with bentoml.SyncHTTPClient(url) as client, client._temp_dir:  # which close() would leave
        yield client


def test_sync_http_client_analyzes_a_file(make_service, live_server, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_text("real")
    with make_client(live_server(make_service())) as client:
        report = client.predict(file=path)
    assert (report["verdict"], report["media"]["file"]) == ("real", "clip.mp4")


def test_sync_http_client_gets_our_error(make_service, live_server, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_text("refuse is not a video")
    with (
        make_client(live_server(make_service())) as client,
        pytest.raises(Exception, match="unreadable_media"),
    ):
        client.predict(file=path)
