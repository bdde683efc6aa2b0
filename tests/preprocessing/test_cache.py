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


def same(one, other):
    return one.facts == other.facts and all(
        np.array_equal(one.arrays[name], other.arrays[name])
        and one.arrays[name].dtype == other.arrays[name].dtype
        for name in one.arrays.keys() | other.arrays.keys()
    )


def test_what_a_reader_does_to_its_arrays_does_not_reach_the_cache(tmp_path, entry):
    Cache(tmp_path).save("faces", KEY, entry)
    mine = Cache(tmp_path).load("faces", KEY)
    mine.arrays["faces"][:] = 0
    assert same(Cache(tmp_path).load("faces", KEY), entry)


@pytest.mark.parametrize(
    "kind", ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]
)
def test_every_type_of_number_comes_back_as_it_was(tmp_path, kind):
    array = np.arange(6).reshape(2, 3).astype(kind)
    kept = Entry({}, {"x": array, "empty": array[:0]})
    Cache(tmp_path).save("faces", KEY, kept)
    assert same(Cache(tmp_path).load("faces", KEY), kept)


def test_what_is_saved_is_loaded(tmp_path, entry):
    Cache(tmp_path).save("faces", KEY, entry)
    assert same(Cache(tmp_path).load("faces", KEY), entry)


def test_what_was_never_saved_is_absent(tmp_path):
    assert Cache(tmp_path / "not there").load("faces", KEY) is None


def test_an_array_that_is_a_view_is_saved_as_it_looks(tmp_path, entry):
    turned = Entry({}, {"faces": entry.arrays["faces"].transpose(0, 3, 1, 2)[::-1]})
    Cache(tmp_path).save("faces", KEY, turned)
    assert same(Cache(tmp_path).load("faces", KEY), turned)


def test_every_broken_byte_is_noticed(tmp_path, entry):
    """Flip each byte in turn: the entry is refused, or means the same (padding)."""
    cache = Cache(tmp_path)
    cache.save("faces", KEY, entry)
    path = cache.path("faces", KEY)
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x15]) + whole[place + 1 :])
        loaded = Cache(tmp_path).load("faces", KEY)
        refused += loaded is None
        assert loaded is None or same(loaded, entry)
    assert refused > 0.95 * len(whole) / 7


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99])
def test_a_truncated_entry_is_absent_and_can_be_made_again(tmp_path, entry, share, caplog):
    cache = Cache(tmp_path)
    cache.save("faces", KEY, entry)
    path = cache.path("faces", KEY)
    path.write_bytes(path.read_bytes()[: round(path.stat().st_size * share)])
    assert cache.load("faces", KEY) is None
    assert "damaged" in caplog.text
    cache.save("faces", KEY, entry)
    assert same(cache.load("faces", KEY), entry)


def test_the_key_hangs_on_everything_that_decides_the_content():
    keys = {
        cache_key(stage, content, {"a": value}, upstream)
        for stage in ("faces", "flow")
        for content in ("0" * 64, "1" * 64)
        for value in (1, 2, 1.5, "1", None)
        for upstream in ("", "x")
    }
    assert len(keys) == 2 * 2 * 5 * 2
    assert cache_key("a", "b", {"x": 1, "y": 2}) == cache_key("a", "b", {"y": 2, "x": 1})


def test_only_what_long_dead_writers_left_is_swept(tmp_path, entry):
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


def test_a_writer_killed_at_any_moment_leaves_only_whole_entries(tmp_path):
    for delay_s in (0.0, 0.007, 0.013, 0.021):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        writer.stdout.readline()
        time.sleep(delay_s)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        cache = Cache(tmp_path)
        names = sorted(path.stem for path in tmp_path.glob("faces/*/*.safetensors"))
        assert names
        for name in names:
            entry = cache.load("faces", name)
            assert np.all(entry.arrays["a"] == int(name, 16))
