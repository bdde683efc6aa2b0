"""The complete service as BentoML serves it, with real media files and a real detector."""

import io
import logging
import re
import sys
import warnings

import pytest
from starlette.testclient import TestClient

from tests.bento.problems import assert_problem
from tests.factories import wait_until
from unmask.errors import MediaError
from unmask.serving.analyzer import Analyzer
from unmask.serving.report.schema import Report

TIMEOUT_S = 300  # two detectors are loaded, and tests may share the machine


@pytest.fixture(scope="module")
def client(bundle_folder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNMASK_BUNDLE", str(bundle_folder))
        patch.setenv("UNMASK_FOLDER", str(tmp_path_factory.mktemp("service")))
        patch.delitem(sys.modules, "bento.service", raising=False)  # loaded with other settings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # imports of BentoML
            from bento.service import UnmaskService
        options = {"base_url": "http://localhost", "client": ("127.0.0.1", 50_000)}
        with TestClient(UnmaskService.to_asgi(), **options) as client:
            yield client


def wait_for_end(client, url):
    active = ("queued", "running")
    return wait_until(
        lambda: (job := client.get(url).json())["status"] not in active and job, TIMEOUT_S, 0.2
    )


def assert_close(actual, expected):
    """Compare nested values; floats may differ in the last digits with the memory alignment."""
    if isinstance(expected, dict):
        assert actual.keys() == expected.keys()
        for name, value in expected.items():
            assert_close(actual[name], value)
    elif isinstance(expected, list | tuple):
        assert len(actual) == len(expected)
        for actual_item, expected_item in zip(actual, expected, strict=True):
            assert_close(actual_item, expected_item)
    else:
        tolerant = type(expected) is float
        assert actual == (pytest.approx(expected, abs=1e-4) if tolerant else expected)


def measured(report):
    """Return what no two analyses have in common: times and the signature."""
    return {name: getattr(report, name) for name in ("timing_s", "custody", "signature")}


def test_predict_returns_the_same_report_as_the_library(
    client, make_video, tmp_path, bundle_folder
):
    video = make_video(tmp_path / "my clip – ü.mp4")
    response = client.post("/predict", files={"file": (video.name, video.read_bytes())})
    assert response.status_code == 200
    actual = Report.model_validate_json(response.text)
    library = Analyzer.load(bundle_folder).analyze(video)
    expected = library.model_copy(update=measured(actual))
    assert_close(actual.model_dump(), expected.model_dump())


@pytest.mark.parametrize("content", [b"", b"this is not a video\n" * 50], ids=["empty", "text"])
def test_unreadable_file_gets_the_error_message_of_the_library(
    client, content, tmp_path, bundle_folder
):
    path = tmp_path / "bad.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError) as caught:
        Analyzer.load(bundle_folder).analyze(path)
    response = client.post("/predict", files={"file": ("bad.mp4", content)})
    assert response.status_code == 422
    assert response.json()["detail"] == str(caught.value).replace(str(path), "bad.mp4")


@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({"times": []}, "no video stream"),
        ({"face": False, "audio": False}, "No face was found"),
        ({"times": [0.0]}, "only 1 frame"),
    ],
)
def test_report_of_a_poor_video_has_a_note(client, make_video, tmp_path, options, note):
    video = make_video(tmp_path / "poor.mp4", **options)
    response = client.post("/predict", files={"file": (video.name, video.read_bytes())})
    assert response.status_code == 200
    assert note in " ".join(response.json()["notes"])


@pytest.mark.services
def test_embedded_worker_returns_the_same_report_as_the_library(
    client, make_video, tmp_path, bundle_folder
):
    video = make_video(tmp_path / "talk.mp4", seconds=2.0)
    response = client.post("/analyze-video", files={"file": (video.name, video.read_bytes())})
    assert response.status_code == 202
    job = wait_for_end(client, response.json()["status_url"])
    assert job["status"] == "done", job
    actual = Report.model_validate(job["result"])
    evidence_dir = tmp_path / "evidence"
    evidence_dir.mkdir()
    library = Analyzer.load(bundle_folder).analyze(video, evidence_dir=evidence_dir)
    images = {path.stem for path in evidence_dir.iterdir()}
    assert {image["name"] for image in job["evidence"]} == images
    expected = library.model_copy(update=measured(actual))
    assert_close(actual.model_dump(), expected.model_dump())


@pytest.mark.services
def test_report_of_a_part_has_times_of_the_whole_video(client, make_video, tmp_path):
    video = make_video(tmp_path / "long.mp4", seconds=6.0)
    content = {"files": {"file": (video.name, video.read_bytes())}}
    response = client.post("/analyze-video", data={"start_s": 4.5, "end_s": 5.5}, **content)
    job = wait_for_end(client, response.json()["status_url"])
    assert job["status"] == "done", job
    report = Report.model_validate(job["result"])
    times = [point.time_s for person in report.people for point in person.timeline]
    assert times
    assert min(times) >= 0.0
    assert 4.5 < max(times) <= 5.6
    assert report.media.duration_s == pytest.approx(6.0, abs=0.2)
    assert "from 4.5 s to 5.5 s" in report.notes[0]


def test_upload_that_is_no_video_is_refused_before_it_is_queued(client):
    files = {"file": ("bad.mp4", b"this is not a video\n" * 50)}
    response = client.post("/v1/analyze-video", files=files)
    assert_problem(response, "unreadable_media", 422)
    assert client.get("/v1/jobs", params={"status": "queued"}).json()["total"] == 0


def test_access_log_names_the_request(client):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger("bentoml.access")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        client.get("/v1/jobs", headers={"X-Request-ID": "order-17"})
        client.get("/v1/limits", headers={"X-Request-ID": "order-18"})
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    first, second = stream.getvalue().splitlines()
    assert "/v1/jobs" in first
    assert first.endswith("[request order-17]")
    assert second.endswith("[request order-18]")


@pytest.mark.parametrize("path", ["/healthz", "/docs.json", "/static_content/a"])
def test_bentomls_own_routes_are_not_served(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert "path not found" in response.json()["error"]


def test_readiness_names_the_parts_of_the_service(client):
    wait_until(lambda: client.get("/readyz").status_code == 200, TIMEOUT_S)
    parts = client.get("/readyz").json()
    assert {"ready", "database", "disk", "worker"} <= parts.keys()
    parts.pop("missing_protections")  # empty unless the kernel lacks some
    assert all(parts.values())


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_security_middleware_wraps_probes_and_metrics(client, path):
    response = client.get(path)
    assert response.status_code == 200
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert client.get(path, headers={"Host": "elsewhere.example"}).status_code == 403


def test_root_redirects_to_the_frontend(client):
    response = client.get("/", follow_redirects=False)
    assert (response.status_code, response.headers["Location"]) == (307, "/app/")


def test_api_docs_list_our_routes_and_load_nothing_external(client):
    page = client.get("/docs")
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    for url in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert client.get(f"/{url}").status_code == 200, url
    assert {"/predict", "/jobs/{job_id}"} <= set(client.get("/openapi.json").json()["paths"])
    body = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]
    assert "multipart/form-data" in body["content"]
