"""The whole service, as BentoML serves it, on real files."""

import re
import signal
import subprocess
import sys
import time
import warnings

import pytest
from starlette.testclient import TestClient

from unmask.errors import MediaError
from unmask.serving.analyzer import Analyzer
from unmask.serving.report.schema import Report

PATIENCE_S = 300  # two detectors are loaded, perhaps beside other work


@pytest.fixture(scope="module")
def client(bundle_folder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNMASK_BUNDLE", str(bundle_folder))
        patch.setenv("UNMASK_FOLDER", str(tmp_path_factory.mktemp("service")))
        patch.delitem(sys.modules, "bento.service", raising=False)  # it has read other settings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # BentoML's own imports
            from bento.service import UnmaskService
        with TestClient(UnmaskService.to_asgi(), base_url="http://localhost") as served:
            yield served


def assert_alike(found, expected):
    """The same, but for the last digits, which differ with where in memory a matrix lies."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_alike(found[name], value)
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_alike(one, other)
    else:
        assert found == (pytest.approx(expected, abs=1e-4) if type(expected) is float else expected)


def test_the_service_gives_the_same_report_as_the_library(client, film, tmp_path, bundle_folder):
    video = film(tmp_path / "my clip – ü.mp4")
    answer = client.post("/predict", files={"file": (video.name, video.read_bytes())})
    assert answer.status_code == 200
    served = Report.model_validate_json(answer.text)
    own = Analyzer.load(bundle_folder).analyze(video)
    expected = own.model_copy(update={"timing_s": served.timing_s})
    assert_alike(served.model_dump(), expected.model_dump())


@pytest.mark.parametrize(
    "content", [b"", b"this is no film\n" * 50], ids=["an empty file", "a text"]
)
def test_what_cannot_be_read_is_refused_in_the_librarys_words(
    client, content, tmp_path, bundle_folder
):
    path = tmp_path / "bad.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError) as known:
        Analyzer.load(bundle_folder).analyze(path)
    answer = client.post("/predict", files={"file": ("bad.mp4", content)})
    assert answer.status_code == 422
    assert answer.json() == {"error": str(known.value).replace(str(path), "bad.mp4")}


@pytest.mark.parametrize(
    ("how", "note"),
    [
        ({"times": []}, "no picture"),
        ({"face": False, "sound": False}, "nothing to score"),
        ({"times": [0.0]}, "only 1 frame"),
    ],
)
def test_poor_material_is_answered_with_a_note(client, film, tmp_path, how, note):
    video = film(tmp_path / "poor.mp4", **how)
    answer = client.post("/predict", files={"file": (video.name, video.read_bytes())})
    assert answer.status_code == 200
    assert note in " ".join(answer.json()["notes"])


@pytest.mark.services
def test_a_job_gives_the_same_report_with_a_worker_that_the_service_brings(
    client, film, tmp_path, bundle_folder
):
    video = film(tmp_path / "talk.mp4", seconds=2.0)
    answer = client.post("/analyze-video", files={"file": (video.name, video.read_bytes())})
    assert answer.status_code == 202
    address, end = answer.json()["status_url"], time.monotonic() + PATIENCE_S
    while (job := client.get(address).json())["status"] in ("queued", "running"):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert job["status"] == "done", job
    served = Report.model_validate(job["result"])
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    own = Analyzer.load(bundle_folder).analyze(video, evidence_dir=pictures)
    drawn = {path.stem for path in pictures.iterdir()}
    assert {one["name"] for one in job["evidence"]} == drawn
    expected = own.model_copy(update={"timing_s": served.timing_s})
    assert_alike(served.model_dump(), expected.model_dump())


@pytest.mark.services
def test_a_part_of_a_video_is_analyzed_on_the_clock_of_the_whole(client, film, tmp_path):
    video = film(tmp_path / "long.mp4", seconds=6.0)
    content = {"files": {"file": (video.name, video.read_bytes())}}
    answer = client.post("/analyze-video", data={"start_s": 4.5, "end_s": 5.5}, **content)
    address, end = answer.json()["status_url"], time.monotonic() + PATIENCE_S
    while (job := client.get(address).json())["status"] in ("queued", "running"):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert job["status"] == "done", job
    report = Report.model_validate(job["result"])
    times = [moment.time_s for person in report.people for moment in person.timeline]
    assert times
    assert min(times) >= 0.0
    assert 4.5 < max(times) <= 5.6
    assert report.media.duration_s == pytest.approx(6.0, abs=0.2)
    assert "from 4.5 s to 5.5 s" in report.notes[0]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/docs.json", "/metrics"])
def test_what_bentoml_serves_stays_in_place_behind_our_own_door(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert client.get(path, headers={"Host": "elsewhere.example"}).status_code == 403


def test_who_opens_the_address_alone_comes_to_the_page(client):
    answer = client.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (307, "/app")


def test_the_page_of_routes_knows_ours(client):
    drawn = client.get("/docs")
    assert "script-src 'self';" in drawn.headers["Content-Security-Policy"]
    for name in re.findall(r'(?:src|href)="([^"]+)"', drawn.text):
        assert name.startswith("/"), name
        assert client.get(name).status_code == 200, name
    assert {"/predict", "/jobs/{job_id}"} <= set(client.get("/openapi.json").json()["paths"])
    described = client.get("/docs.json").json()["paths"]
    assert {"/predict", "/analyze-video", "/jobs/{job_id}", "/livez", "/metrics"} <= set(described)
    assert "multipart/form-data" in described["/predict"]["post"]["requestBody"]["content"]


def stubborn(_):
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print(flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    with process.stdout as said:
        said.readline()
    return process


def test_a_worker_that_does_not_end_with_the_service_is_killed(client, monkeypatch):
    from bento import service

    monkeypatch.setattr(service, "STOP_S", 0.5)
    monkeypatch.setattr(service.EmbeddedWorker, "_started", stubborn)
    worker = service.EmbeddedWorker()
    worker.stop()
    assert worker._process.returncode == -signal.SIGKILL
