"""Content-addressed cache of arrays."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from unmask.preprocessing.cache import Cache, Entry, cache_key

KEY = cache_key("faces", "0" * 64, {"rate_hz": 5.0})


@pytest.fixture
def entry():
    rng = np.random.default_rng(0)
    return Entry(
        {"end_s": 1.5, "persons": [0, 2]},
        {
            "faces": rng.integers(0, 255, (3, 8, 8, 3)).astype(np.uint8),
            "flow": rng.integers(-127, 127, (3, 2, 8, 8)).astype(np.int8),
            "time_s": np.array([0.0, 0.2, 0.4]),
            "none": np.zeros((0, 2)),
        },
    )


@pytest.fixture(params=[True, False], ids=["with PyTorch", "without PyTorch"])
def with_torch(request, monkeypatch):
    """Let the cache map entries through PyTorch, or copy them as a process without it does."""
    import torch  # noqa: F401

    if not request.param:
        monkeypatch.delitem(sys.modules, "torch")
    return request.param


def same(first, second):
    return first.facts == second.facts and all(
        np.array_equal(first.arrays[name], second.arrays[name])
        and first.arrays[name].dtype == second.arrays[name].dtype
        for name in first.arrays.keys() | second.arrays.keys()
    )


@pytest.mark.usefixtures("with_torch")
def test_changes_of_loaded_arrays_do_not_reach_the_cache(tmp_path, entry):
    Cache(tmp_path).save("faces", KEY, entry)
    loaded = Cache(tmp_path).load("faces", KEY)
    loaded.arrays["faces"][:] = 0
    assert same(Cache(tmp_path).load("faces", KEY), entry)


@pytest.mark.usefixtures("with_torch")
@pytest.mark.parametrize(
    "kind", ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]
)
def test_every_dtype_is_restored(tmp_path, kind):
    array = np.arange(6).reshape(2, 3).astype(kind)
    entry = Entry({}, {"x": array, "empty": array[:0]})
    Cache(tmp_path).save("faces", KEY, entry)
    assert same(Cache(tmp_path).load("faces", KEY), entry)


def test_saved_entry_is_loaded(tmp_path, entry):
    Cache(tmp_path).save("faces", KEY, entry)
    assert same(Cache(tmp_path).load("faces", KEY), entry)


def test_entry_that_was_never_saved_is_missing(tmp_path):
    assert Cache(tmp_path / "missing").load("faces", KEY) is None


def test_views_are_saved_with_their_content(tmp_path, entry):
    transposed = Entry({}, {"faces": entry.arrays["faces"].transpose(0, 3, 1, 2)[::-1]})
    Cache(tmp_path).save("faces", KEY, transposed)
    assert same(Cache(tmp_path).load("faces", KEY), transposed)


def test_every_flipped_byte_is_detected(tmp_path, entry):
    """The entry is rejected or, where the byte is padding, unchanged."""
    cache = Cache(tmp_path)
    cache.save("faces", KEY, entry)
    path = cache.path("faces", KEY)
    content = path.read_bytes()
    rejected = 0
    for position in range(0, len(content), 7):
        path.write_bytes(
            content[:position] + bytes([content[position] ^ 0x15]) + content[position + 1 :]
        )
        loaded = Cache(tmp_path).load("faces", KEY)
        rejected += loaded is None
        assert loaded is None or same(loaded, entry)
    assert rejected > 0.95 * len(content) / 7


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99])
def test_truncated_entry_is_missing_and_can_be_saved_again(tmp_path, entry, share, caplog):
    cache = Cache(tmp_path)
    cache.save("faces", KEY, entry)
    path = cache.path("faces", KEY)
    path.write_bytes(path.read_bytes()[: round(path.stat().st_size * share)])
    assert cache.load("faces", KEY) is None
    assert "damaged" in caplog.text
    cache.save("faces", KEY, entry)
    assert same(cache.load("faces", KEY), entry)


def test_key_depends_on_everything_that_determines_the_content():
    keys = {
        cache_key(stage, content, {"a": value}, upstream)
        for stage in ("faces", "flow")
        for content in ("0" * 64, "1" * 64)
        for value in (1, 2, 1.5, "1", None)
        for upstream in ("", "x")
    }
    assert len(keys) == 2 * 2 * 5 * 2
    assert cache_key("a", "b", {"x": 1, "y": 2}) == cache_key("a", "b", {"y": 2, "x": 1})


def test_only_old_partial_files_are_purged(tmp_path, entry):
    cache = Cache(tmp_path)
    cache.save("faces", KEY, entry)
    folder = cache.path("faces", KEY).parent
    old, fresh = folder / ".old.1.2.part", folder / ".new.1.2.part"
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    assert cache.purge_partials() == 1
    assert (old.exists(), fresh.exists()) == (False, True)
    assert same(cache.load("faces", KEY), entry)


WRITER = """
import sys
from pathlib import Path
import numpy as np
from unmask.preprocessing.cache import Cache, Entry
cache = Cache(Path(sys.argv[1]))
for number in range(10**6):
    cache.save("faces", f"{number:064x}", Entry({"n": number}, {"a": np.full(300_000, number)}))
    print(number, flush=True)
"""


def test_killed_writer_leaves_complete_entries(tmp_path):
    for delay_s in (0.0, 0.007, 0.013, 0.021):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        writer.stdout.readline()
        time.sleep(delay_s)  # kill the writer at different points of the next entries
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        cache = Cache(tmp_path)
        names = sorted(path.stem for path in tmp_path.glob("faces/*/*.safetensors"))
        assert names
        for name in names:
            entry = cache.load("faces", name)
            assert np.all(entry.arrays["a"] == int(name, 16))


WITH_FEW_DESCRIPTORS = """
import os, resource, sys
from pathlib import Path
from unmask.preprocessing.cache import Cache, cache_key

if "torch" in sys.argv:
    import torch
cache, keys = Cache(Path(sys.argv[1])), [cache_key("faces", str(n), {}) for n in range(100)]
cache.load("faces", keys[0])  # imports what it needs
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
entries = [cache.load("faces", key) for key in keys]
assert [entry.arrays["x"][0] for entry in entries] == list(range(100))
assert len(os.listdir("/proc/self/fd")) < 20
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
for _ in range(3):  # no descriptor left, one, two
    try:
        print(cache.load("faces", keys[0]).arrays["x"][0])
    except OSError as error:
        print(error)
    os.close(held.pop())
assert ("torch" in sys.modules) == ("torch" in sys.argv)  # which takes seconds to import
"""


@pytest.mark.parametrize("package", ["torch", "none"])
def test_entries_in_use_hold_no_descriptor_and_a_lack_of_them_is_no_damage(tmp_path, package):
    for number in range(100):
        key = cache_key("faces", str(number), {})
        Cache(tmp_path).save("faces", key, Entry({}, {"x": np.array([number])}))
    command = [sys.executable, "-c", WITH_FEW_DESCRIPTORS, str(tmp_path), package]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    none_left, _, two_left = result.stdout.splitlines()
    assert "raise the limit of open files (ulimit -n)" in none_left
    assert two_left == "0"
    assert result.stderr == ""  # no warning about damaged entries
