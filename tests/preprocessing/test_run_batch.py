import json
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from unmask.config import FlowSettings, PreprocessingSettings, SpeechSettings
from unmask.errors import DataError
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.prepare import prepare_clip
from unmask.preprocessing.run_batch import find_media, preprocess_files

SETTINGS = PreprocessingSettings(speech=SpeechSettings(method="energy"))


@pytest.fixture
def folder(film, tmp_path):
    """A talk, a silent film without a face, a sound, and two files that are neither."""
    media = tmp_path / "media"
    (media / "deep er").mkdir(parents=True)
    film(media / "a.mp4")
    film(media / "deep er" / "b ü.MKV", face=False, sound=False)
    film(media / "deep er" / "c.m4a", times=[])
    (media / "d.mov").write_bytes(b"no film at all")
    (media / "e.webm").write_bytes(b"")
    (media / "notes.txt").write_text("no medium")
    return media


def test_a_folder_is_all_its_media_and_nothing_else(folder):
    names = [path.name for path in find_media(folder)]
    assert names == ["a.mp4", "d.mov", "b ü.MKV", "c.m4a", "e.webm"]


def test_a_folder_without_media_is_refused(tmp_path):
    with pytest.raises(DataError, match="no video or sound"):
        find_media(tmp_path)


def test_the_report_counts_and_a_failure_stops_nobody(folder, tmp_path):
    report = preprocess_files(find_media(folder), SETTINGS, Cache(tmp_path / "cache"), jobs=1)
    by_name = {file.path.rsplit("/", 1)[1]: file for file in report.files}
    talk, silent, sound = by_name["a.mp4"], by_name["b ü.MKV"], by_name["c.m4a"]
    assert (talk.frames_sampled, talk.frames_with_face, talk.people) == (5, 5, 1)
    assert (silent.frames_sampled, silent.frames_with_face, silent.people) == (5, 0, 0)
    assert (sound.frames_sampled, sound.people, sound.error) == (0, 0, None)
    assert silent.speech_s == silent.silence_s == 0
    assert talk.speech_s + talk.silence_s == pytest.approx(1.0, abs=0.1)
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


def test_a_second_run_takes_all_from_the_cache_with_the_same_counts(folder, tmp_path):
    cache = Cache(tmp_path / "cache")
    first = preprocess_files([folder / "a.mp4"], SETTINGS, cache, jobs=1).files[0]
    again = preprocess_files([folder / "a.mp4"], SETTINGS, cache, jobs=1).files[0]
    assert all(again.cached.values())
    assert not any(first.cached.values())
    assert again.seconds == {}
    same = replace(again, seconds=first.seconds, cached=first.cached)
    assert same == first


def test_a_stage_asked_for_alone_makes_what_it_builds_on_and_no_more(folder, tmp_path):
    cache = Cache(tmp_path / "cache")
    (speech,) = preprocess_files([folder / "a.mp4"], SETTINGS, cache, 1, stages=("speech",)).files
    assert set(speech.cached) == {"media", "speech"}
    assert speech.people is None
    (flow,) = preprocess_files([folder / "a.mp4"], SETTINGS, cache, 1, stages=("flow",)).files
    assert set(flow.cached) == {"media", "faces", "flow"}
    assert flow.speech_s is None
    (faces,) = preprocess_files([folder / "a.mp4"], SETTINGS, cache, 1, stages=("faces",)).files
    assert faces.cached == {"media": True, "faces": True}


def test_flow_that_is_off_is_no_stage(folder, tmp_path):
    off = replace(SETTINGS, flow=FlowSettings(enabled=False))
    (file,) = preprocess_files([folder / "a.mp4"], off, Cache(tmp_path / "cache"), jobs=1).files
    assert "flow" not in file.cached


def test_an_unknown_stage_is_refused(tmp_path):
    with pytest.raises(DataError, match="no stage ears"):
        preprocess_files([], SETTINGS, Cache(tmp_path), stages=("ears",))


def test_nothing_to_do_is_a_report_of_nothing(tmp_path):
    total = preprocess_files([], SETTINGS, Cache(tmp_path)).total
    assert (total.files, total.face_coverage, total.silence_share) == (0, None, None)


@pytest.mark.slow
def test_processes_side_by_side_give_what_one_gives(folder, tmp_path):
    paths = find_media(folder)
    alone = preprocess_files(paths, SETTINGS, Cache(tmp_path / "one"), jobs=1)
    beside = preprocess_files(paths, SETTINGS, Cache(tmp_path / "two"), jobs=2)
    assert [replace(file, seconds=None) for file in alone.files] == [
        replace(file, seconds=None) for file in beside.files
    ]
    stored = [
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.safetensors")}
        for name in ("one", "two")
    ]
    assert stored[0] == stored[1]


RUN = """
import sys
from pathlib import Path
from unmask.config import PreprocessingSettings, SpeechSettings
from unmask.preprocessing.run_batch import media_files, preprocess
from unmask.preprocessing.cache import Cache
settings = PreprocessingSettings(speech=SpeechSettings(method="energy"))
preprocess(media_files(Path(sys.argv[1])), settings, Cache(Path(sys.argv[2])), jobs=1)
"""


@pytest.mark.slow
def test_killed_and_started_again_it_carries_on_and_repeats_nothing(film, tmp_path):
    media, root = tmp_path / "media", tmp_path / "cache"
    media.mkdir()
    for number in range(5):
        film(media / f"{number}.mp4", seconds=3.0 + 0.2 * number)
    worker = subprocess.Popen([sys.executable, "-c", RUN, str(media), str(root)])
    deadline = time.monotonic() + 60
    while len(list(root.glob("faces/*/*.safetensors"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.safetensors")}
    faces_done = len(list(root.glob("faces/*/*.safetensors")))
    assert 2 <= faces_done < 5

    report = preprocess_files(find_media(media), SETTINGS, Cache(root), jobs=1)
    assert report.total.failed == 0
    assert sum(file.cached["faces"] for file in report.files) == faces_done
    assert {path: path.stat().st_mtime_ns for path in before} == before
    fresh = Cache(tmp_path / "fresh")
    for path in find_media(media):
        kept, made = prepare_clip(path, SETTINGS, Cache(root)), prepare_clip(path, SETTINGS, fresh)
        assert kept.people[0].faces.tobytes() == made.people[0].faces.tobytes()
        assert kept.people[0].flow.tobytes() == made.people[0].flow.tobytes()
