"""The cache behind a URL: what one machine prepares, another reads."""

import pickle
import re
import shutil
from pathlib import Path

import fsspec
import numpy as np
import pytest

from tests.bento.servers import s3_endpoint
from unmask.config import PreprocessingSettings, SpeechSettings
from unmask.errors import ConfigError, DataError, MissingExtraError
from unmask.preprocessing import transcode as transcoding
from unmask.preprocessing.cache import URL_VARIABLE, Cache, Entry, cache_key
from unmask.preprocessing.object_storage import ObjectStorage
from unmask.preprocessing.run_batch import preprocess_files

__all__ = ["s3_endpoint"]

KEY = cache_key("faces", "0" * 64, {"rate_hz": 5.0})
ENTRY = Entry({"end_s": 1.5}, {"faces": np.arange(12, dtype=np.uint8).reshape(3, 4)})
SETTINGS = PreprocessingSettings(speech=SpeechSettings(method="energy"))


@pytest.fixture(params=["memory", "file"])
def url(request, tmp_path):
    if request.param == "file":
        yield f"file://{tmp_path}/store"
    else:
        yield "memory://bucket/cache"
        fsspec.filesystem("memory").store.clear()


class CountedStore:
    """Counts the requests of a driver."""

    def __init__(self, store, calls):
        self._store, self._calls = store, calls

    def __getattr__(self, name):
        value = getattr(self._store, name)
        if not callable(value):
            return value
        return lambda *args, **kwargs: self._calls.append(name) or value(*args, **kwargs)


@pytest.fixture
def requests(monkeypatch):
    """Names of the calls of drivers."""
    calls, connect = [], ObjectStorage._connect

    def connect_counted(self):
        store, root = connect(self)
        return CountedStore(store, calls), root

    monkeypatch.setattr(ObjectStorage, "_connect", connect_counted)
    return calls


@pytest.fixture
def s3(s3_endpoint, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    fsspec.filesystem("s3").clear_instance_cache()


@pytest.mark.slow
@pytest.mark.usefixtures("s3")
def test_s3_gets_one_request_for_each_file(tmp_path, caplog):
    caplog.set_level("INFO", "werkzeug")  # of the server
    cache = Cache(tmp_path / "a", "s3://kept/cache")
    assert cache.load("faces", KEY) is None
    cache.save("faces", KEY, ENTRY)
    assert same(Cache(tmp_path / "b", "s3://kept/cache").load("faces", KEY), ENTRY)
    requests = re.findall(r"(GET|PUT|HEAD|POST) (\S+) HTTP", caplog.text)
    path = f"/kept/cache/faces/{KEY[:2]}/{KEY}.safetensors"
    assert requests == [("GET", path), ("PUT", path), ("GET", path)]


def same(first, second):
    return first.facts == second.facts and np.array_equal(
        first.arrays["faces"], second.arrays["faces"]
    )


def test_what_one_machine_stores_another_reads_and_keeps(url, tmp_path):
    Cache(tmp_path / "a", url).save("faces", KEY, ENTRY)
    other = Cache(tmp_path / "b", url)
    assert same(other.load("faces", KEY), ENTRY)
    stored = other.path("faces", KEY).read_bytes()
    assert stored == Cache(tmp_path / "a").path("faces", KEY).read_bytes()
    assert same(Cache(tmp_path / "b").load("faces", KEY), ENTRY)  # without the storage


def test_requests_are_one_for_each_file_and_none_lists(tmp_path, requests):
    cache = Cache(tmp_path / "a", "memory://bucket/cache")
    assert cache.load("faces", KEY) is None
    cache.save("faces", KEY, ENTRY)
    assert cache.load("faces", KEY) is not None
    assert requests == ["cat_file", "pipe_file"]
    fsspec.filesystem("memory").store.clear()


def test_an_entry_that_is_damaged_on_disk_is_read_again(url, tmp_path):
    cache = Cache(tmp_path / "a", url)
    cache.save("faces", KEY, ENTRY)
    path = cache.path("faces", KEY)
    path.write_bytes(path.read_bytes()[:-3] + b"\0\0\0")
    assert same(Cache(tmp_path / "a", url).load("faces", KEY), ENTRY)


def test_an_entry_that_is_damaged_in_the_storage_counts_as_missing(url, tmp_path):
    ObjectStorage(url).write(f"faces/{KEY[:2]}/{KEY}.safetensors", b"damaged")
    assert Cache(tmp_path / "a", url).load("faces", KEY) is None


def test_a_folder_as_storage_never_holds_half_a_file(tmp_path, monkeypatch):
    def fail(self, content):
        with self.open("wb") as file:
            file.write(content[:1])
        raise OSError(28, "No space left on device")

    storage = ObjectStorage(f"file://{tmp_path}/store")
    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(DataError, match=r"store/faces/a: cannot be written \(.*No space left"):
        storage.write("faces/a", b"content")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_cannot_be_stored_for_others_is_not_kept_either(tmp_path, monkeypatch):
    cache = Cache(tmp_path / "a", "memory://bucket/cache")
    monkeypatch.setattr(type(fsspec.filesystem("memory")), "pipe_file", lambda *_: 1 / 0)
    with pytest.raises(DataError, match="cannot be written"):
        cache.save("faces", KEY, ENTRY)
    assert not cache.path("faces", KEY).exists()


def test_a_storage_that_does_not_answer_is_an_error_and_no_miss(tmp_path, monkeypatch):
    cache = Cache(tmp_path / "a", "memory://bucket/cache")

    def refuse(*_):
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "cat_file", refuse)
    with pytest.raises(DataError, match=r"memory://bucket/cache/faces/.*Access Denied\); check"):
        cache.load("faces", KEY)


def test_the_environment_names_the_storage_and_processes_inherit_it(url, tmp_path, monkeypatch):
    monkeypatch.setenv(URL_VARIABLE, url)
    cache = Cache(tmp_path / "a")
    monkeypatch.delenv(URL_VARIABLE)
    sent = pickle.loads(pickle.dumps(cache))
    assert (sent.root, sent.url) == (tmp_path / "a", url)
    sent.save("faces", KEY, ENTRY)
    assert Cache(tmp_path / "b", url).load("faces", KEY) is not None
    assert Cache(tmp_path / "b").url == ""


@pytest.mark.parametrize(
    ("url", "error"),
    [("nowhere://bucket", ConfigError), ("adl://bucket", MissingExtraError)],
)
def test_a_url_without_a_driver_is_refused_at_once(url, error, tmp_path):
    with pytest.raises(error, match=url):
        Cache(tmp_path, url)


def test_a_second_machine_decodes_nothing(url, make_video, tmp_path):
    video = make_video(tmp_path / "a.mp4")
    first = preprocess_files([video], SETTINGS, Cache(tmp_path / "a", url), jobs=1)
    second = preprocess_files([video], SETTINGS, Cache(tmp_path / "b", url), jobs=1)
    assert not any(first.files[0].cached.values())
    assert all(second.files[0].cached.values())
    assert second.files[0].seconds == {}


@pytest.mark.slow
def test_a_second_machine_prepares_nothing_again_in_worker_processes(make_video, tmp_path):
    videos = [make_video(tmp_path / f"{n}.mp4", seconds=1 + n / 2) for n in range(2)]
    url = f"file://{tmp_path}/store"
    preprocess_files(videos, SETTINGS, Cache(tmp_path / "a", url), jobs=2)
    shutil.rmtree(tmp_path / "a")
    again = preprocess_files(videos, SETTINGS, Cache(tmp_path / "b", url), jobs=2)
    assert all(all(file.cached.values()) for file in again.files)


def test_a_second_machine_encodes_nothing(url, make_video, tmp_path, monkeypatch):
    from unmask.config.codec_conditions import parse_condition

    video, condition = make_video(tmp_path / "a.mp4"), parse_condition("h264:28")
    first = transcoding.transcode(video, condition, Cache(tmp_path / "a", url))
    monkeypatch.setattr(transcoding, "_encode_video", lambda *_: 1 / 0)
    second = transcoding.transcode(video, condition, Cache(tmp_path / "b", url))
    assert second.path != first.path
    assert second.path.read_bytes() == first.path.read_bytes()
    assert second.psnr_db == first.psnr_db
