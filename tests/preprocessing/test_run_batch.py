"""Preprocessing of many files."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from unmask.config import FlowSettings, LipSettings, PreprocessingSettings, SpeechSettings
from unmask.errors import DataError, MediaError
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.prepare import prepare_clip
from unmask.preprocessing.run_batch import FileReport, find_media, preprocess_files

ENERGY = SpeechSettings(method="energy")
SETTINGS = PreprocessingSettings(speech=ENERGY)


@pytest.fixture
def folder(make_video, tmp_path):
    """A talking person, noise without audio, audio alone, and two invalid files."""
    media = tmp_path / "media"
    (media / "deep er").mkdir(parents=True)
    make_video(media / "a.mp4")
    make_video(media / "deep er" / "b ü.MKV", face=False, audio=False)
    make_video(media / "deep er" / "c.m4a", times=[])
    (media / "d.mov").write_bytes(b"not a video")
    (media / "e.webm").write_bytes(b"")
    (media / "notes.txt").write_text("not media")
    return media


def test_all_media_of_a_folder_are_found(folder):
    names = [path.name for path in find_media(folder)]
    assert names == ["a.mp4", "d.mov", "b ü.MKV", "c.m4a", "e.webm"]


def test_folder_without_media_is_rejected(tmp_path):
    with pytest.raises(DataError, match="no video or audio"):
        find_media(tmp_path)


def test_report_counts_and_skips_files_with_errors(folder, tmp_path):
    report = preprocess_files(find_media(folder), SETTINGS, Cache(tmp_path / "cache"), jobs=1)
    by_name = {file.path.rsplit("/", 1)[1]: file for file in report.files}
    talking, silent, audio = by_name["a.mp4"], by_name["b ü.MKV"], by_name["c.m4a"]
    assert (talking.frames_sampled, talking.frames_with_face, talking.people) == (5, 5, 1)
    assert (silent.frames_sampled, silent.frames_with_face, silent.people) == (5, 0, 0)
    assert (audio.frames_sampled, audio.people, audio.error) == (0, 0, None)
    assert silent.speech_s == silent.silence_s == 0
    assert talking.speech_s + talking.silence_s == pytest.approx(1.0, abs=0.1)
    assert "d.mov" in by_name["d.mov"].error
    assert "is empty" in by_name["e.webm"].error
    total = json.loads(report.to_json())["total"]
    assert (total["files"], total["failed"], total["people"]) == (5, 2, 1)
    assert (total["frames_sampled"], total["frames_with_face"]) == (10, 5)
    assert total["face_coverage"] == 0.5
    assert set(total["seconds"]) == {"decode", "faces", "align", "flow", "speech"}
    assert total["seconds"]["faces"] == pytest.approx(
        sum(file.seconds.get("faces", 0) for file in report.files if not file.error)
    )


def test_second_run_uses_the_cache_and_has_the_same_counts(folder, tmp_path):
    cache = Cache(tmp_path / "cache")
    first = preprocess_files([folder / "a.mp4"], SETTINGS, cache, jobs=1).files[0]
    second = preprocess_files([folder / "a.mp4"], SETTINGS, cache, jobs=1).files[0]
    assert all(second.cached.values())
    assert not any(first.cached.values())
    assert second.seconds == {}
    assert replace(second, seconds=first.seconds, cached=first.cached) == first


def test_requested_stage_computes_its_dependencies_alone(folder, tmp_path):
    cache = Cache(tmp_path / "cache")
    (speech,) = preprocess_files([folder / "a.mp4"], SETTINGS, cache, 1, stages=("speech",)).files
    assert set(speech.cached) == {"media", "speech"}
    assert speech.people is None
    (flow,) = preprocess_files([folder / "a.mp4"], SETTINGS, cache, 1, stages=("flow",)).files
    assert set(flow.cached) == {"media", "faces", "identity", "flow"}
    assert flow.speech_s is None
    (faces,) = preprocess_files([folder / "a.mp4"], SETTINGS, cache, 1, stages=("faces",)).files
    assert faces.cached == dict.fromkeys(("media", "faces", "identity"), True)


def test_mouth_crops_are_stored_when_the_faces_are_computed(folder, tmp_path):
    settings = PreprocessingSettings(speech=ENERGY, lips=LipSettings(enabled=True))
    paths, cache = find_media(folder), Cache(tmp_path / "cache")
    preprocess_files(paths, settings, cache, 1, stages=("faces",))
    report = preprocess_files(paths, settings, cache, 1, stages=("lips",))
    assert report.total.failed == 2
    assert report.total.seconds == {}
    for file in report.files:
        assert file.error or file.cached == dict.fromkeys(
            ("media", "faces", "identity", "lips"), True
        )


def test_disabled_flow_is_not_a_stage(folder, tmp_path):
    settings = PreprocessingSettings(speech=ENERGY, flow=FlowSettings(enabled=False))
    (file,) = preprocess_files(
        [folder / "a.mp4"], settings, Cache(tmp_path / "cache"), jobs=1
    ).files
    assert "flow" not in file.cached


def test_unknown_stage_is_rejected(tmp_path):
    with pytest.raises(DataError, match="unknown stage ears"):
        preprocess_files([], SETTINGS, Cache(tmp_path), stages=("ears",))


def test_report_of_no_files_is_empty(tmp_path):
    total = preprocess_files([], SETTINGS, Cache(tmp_path)).total
    assert (total.files, total.face_coverage, total.silence_share) == (0, None, None)


@pytest.mark.slow
def test_parallel_run_gives_the_same_cache_as_a_sequential_one(folder, tmp_path):
    paths = find_media(folder)
    sequential = preprocess_files(paths, SETTINGS, Cache(tmp_path / "one"), jobs=1)
    parallel = preprocess_files(paths, SETTINGS, Cache(tmp_path / "two"), jobs=2)
    assert [replace(file, seconds=None) for file in sequential.files] == [
        replace(file, seconds=None) for file in parallel.files
    ]
    stored = [
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.safetensors")}
        for name in ("one", "two")
    ]
    assert stored[0] == stored[1]


RUN_UNTIL_SECOND_FACES = """
import os, signal, sys
from pathlib import Path
from unmask.config import PreprocessingSettings, SpeechSettings
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.run_batch import find_media, preprocess_files

save, saved = Cache.save, []

def save_and_count(cache, stage, key, entry):
    save(cache, stage, key, entry)
    saved.append(stage)
    if saved.count("faces") == 2:
        os.kill(os.getpid(), signal.SIGKILL)

Cache.save = save_and_count
settings = PreprocessingSettings(speech=SpeechSettings(method="energy"))
preprocess_files(find_media(Path(sys.argv[1])), settings, Cache(Path(sys.argv[2])), jobs=1)
"""


@pytest.mark.slow
def test_killed_run_resumes_and_repeats_nothing(make_video, tmp_path):
    media, root = tmp_path / "media", tmp_path / "cache"
    media.mkdir()
    for index in range(4):
        make_video(media / f"{index}.mp4", seconds=1.0 + 0.2 * index)
    command = [sys.executable, "-c", RUN_UNTIL_SECOND_FACES, str(media), str(root)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.safetensors")}
    assert len(list(root.glob("faces/*/*.safetensors"))) == 2

    report = preprocess_files(find_media(media), SETTINGS, Cache(root), jobs=1)
    assert report.total.failed == 0
    assert sum(file.cached["faces"] for file in report.files) == 2
    assert {path: path.stat().st_mtime_ns for path in before} == before
    fresh = Cache(tmp_path / "fresh")
    for path in find_media(media):
        resumed = prepare_clip(path, SETTINGS, Cache(root))
        expected = prepare_clip(path, SETTINGS, fresh)
        assert resumed.people[0].faces.tobytes() == expected.people[0].faces.tobytes()
        assert resumed.people[0].flow.tobytes() == expected.people[0].flow.tobytes()


def crash_on_b(path, *_):
    """Preprocess a file in a worker process, which dies of `b.mp4`."""
    if path.name == "b.mp4":
        os._exit(1)
    return FileReport(str(path))


@pytest.mark.slow
def test_file_that_crashes_its_process_is_reported_and_not_decoded_again(
    make_video, tmp_path, monkeypatch
):
    lengths_s = {"a": 0.4, "b": 0.6, "c": 0.8}  # files of the same bytes would count as one
    paths = [make_video(tmp_path / f"{n}.mp4", seconds=s) for n, s in lengths_s.items()]
    cache = Cache(tmp_path / "cache")
    monkeypatch.setattr("unmask.preprocessing.run_batch._preprocess_safely", crash_on_b)
    report = preprocess_files(paths, SETTINGS, cache, jobs=2)
    assert report.files[0].error is report.files[2].error is None
    assert "b.mp4: decoding it crashed a worker process" in report.files[1].error
    monkeypatch.undo()
    with pytest.raises(MediaError, match=r"b\.mp4: decoding it crashed a worker process"):
        prepare_clip(paths[1], SETTINGS, cache)
    assert prepare_clip(paths[0], SETTINGS, cache).frames_sampled == 2
    assert prepare_clip(paths[1], SETTINGS, Cache(tmp_path / "other")).frames_sampled == 3
