"""Uploads that are no video are refused before they become jobs."""

import io
import sys
import threading
import zipfile

import pytest

from bento.api.dependencies import RequestContext
from bento.sandbox import probe as probe_module
from bento.sandbox.probe import SandboxedProbe
from bento.settings import ServiceSettings
from bento.uploads.submission import SubmissionService
from tests.bento.conftest import SCRIPTED_CHILD
from tests.bento.problems import assert_problem
from unmask.errors import MediaError

TEXT = b"this is not a video\n" * 50


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    shared = SandboxedProbe(ServiceSettings(folder=tmp_path_factory.mktemp("probe")))
    yield shared
    shared.close()


@pytest.fixture
def scripted_probe(tmp_path):
    """Start a probe whose children do what the uploaded text says."""
    probes = []

    def start(command=SCRIPTED_CHILD):
        probes.append(SandboxedProbe(ServiceSettings(folder=tmp_path / "probe"), command))
        return probes[-1]

    yield start
    for started in probes:
        started.close()


@pytest.fixture
def probing_service(make_service, probe):
    service = make_service()
    submissions = SubmissionService(service.services, probe)
    service.app.state.context = RequestContext(service.services, submissions)
    return service


def write(tmp_path, text):
    path = tmp_path / f"{text.split()[0]}.mp4"
    path.write_text(text)
    return path


@pytest.mark.parametrize("options", [{}, {"times": []}, {"audio": False}], ids=str)
def test_video_and_sound_pass(probe, make_video, tmp_path, options):
    probe.check(make_video(tmp_path / "a.mp4", **options), "a.mp4", "anna")


def test_what_is_no_media_file_is_refused_under_its_name(probe, tmp_path):
    path = tmp_path / "stored"
    path.write_bytes(TEXT)
    with pytest.raises(MediaError, match=r"^a\.mp4: is not a readable media file") as caught:
        probe.check(path, "a.mp4", "anna")
    assert str(path) not in str(caught.value)


def test_a_file_without_decodable_streams_is_refused(
    probe, make_video_of_unknown_codec, tmp_path, make_video
):
    probe.check(make_video_of_unknown_codec(tmp_path / "a.mkv", "audio"), "a.mkv", "anna")
    path = make_video_of_unknown_codec(tmp_path / "b.mkv", "video")
    path.write_bytes(path.read_bytes().replace(b"A_AAC", b"A_ZZZ"))
    with pytest.raises(MediaError, match=r"^b\.mkv: has neither video nor audio"):
        probe.check(path, "b.mkv", "anna")


def test_a_file_that_states_too_large_frames_is_refused(make_video, tmp_path):
    small = SandboxedProbe(ServiceSettings(folder=tmp_path / "probe", max_pixels=1000))
    try:
        with pytest.raises(MediaError, match="pixels"):
            small.check(make_video(tmp_path / "a.mp4"), "a.mp4", "anna")
    finally:
        small.close()


def test_a_refused_upload_is_no_job_and_leaves_no_file(probing_service):
    client = probing_service.client
    response = client.post("/analyze-video", files={"file": ("a.mp4", TEXT)})
    assert assert_problem(response, "unreadable_media", 422).startswith("a.mp4: is not a readable")
    assert client.get("/jobs").json()["total"] == 0
    store = probing_service.services.store
    assert [path for path in store.work.rglob("*") if path.is_file()] == []


def test_files_of_a_batch_are_refused_one_by_one(probing_service, make_video, tmp_path):
    video = make_video(tmp_path / "a.mp4").read_bytes()
    files = [("files", ("a.mp4", video)), ("files", ("b.mp4", TEXT))]
    answer = probing_service.client.post("/batch", files=files).json()
    assert (answer["accepted"], answer["refused"]) == (1, 1)
    assert [item["code"] for item in answer["items"]] == [None, "unreadable_media"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("c.mp4", TEXT)
        target.writestr("d.mp4", video)
    files = {"files": ("a.zip", archive.getvalue())}
    items = probing_service.client.post("/batch", files=files).json()["items"]
    assert [(item["file"], item["code"]) for item in items] == [
        ("c.mp4", "unreadable_media"),
        ("d.mp4", None),
    ]


@pytest.mark.parametrize("text", ["crash", "raise_error", "allocate"])
def test_a_file_that_breaks_the_probe_is_left_to_the_worker(scripted_probe, tmp_path, caplog, text):
    started = scripted_probe()
    started.check(write(tmp_path, text), "a.mp4", "anna")
    assert "left to the worker" in caplog.text
    started.check(write(tmp_path, "ok"), "a.mp4", "anna")  # it goes on
    with pytest.raises(MediaError):
        started.check(write(tmp_path, "refuse a"), "a.mp4", "anna")


def test_a_file_that_takes_too_long_is_left_to_the_worker(
    scripted_probe, tmp_path, caplog, monkeypatch
):
    monkeypatch.setattr(probe_module, "WALL_S", 1.0)
    scripted_probe().check(write(tmp_path, "sleep 60"), "a.mp4", "anna")
    assert "left to the worker" in caplog.text


def test_files_are_left_to_the_worker_if_no_probe_starts(scripted_probe, tmp_path, caplog):
    started = scripted_probe([sys.executable, "-c", "raise SystemExit(3)"])
    started.check(write(tmp_path, "refuse a"), "a.mp4", "anna")
    assert "exit code 3" in caplog.text


def test_a_tenant_with_slow_files_leaves_a_probe_to_others(scripted_probe, tmp_path, monkeypatch):
    monkeypatch.setattr(probe_module, "WALL_S", 60.0)
    started, release = scripted_probe(), tmp_path / "release"
    slow = write(tmp_path, f"wait_for {release}")
    threads = [
        threading.Thread(target=started.check, args=(slow, "a.mp4", "anna")) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    started.check(write(tmp_path, "ok"), "a.mp4", "bert")
    assert all(thread.is_alive() for thread in threads)
    release.touch()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
