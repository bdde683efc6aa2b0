"""Files that appear whole or not at all."""

import signal
import subprocess
import sys

import pytest

from unmask.files import atomic_write


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_nothing_is_to_be_seen_until_the_block_ends(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with atomic_write(path) as unfinished:
        unfinished.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert names(path.parent) == ["a.txt"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write():
        with atomic_write(path) as unfinished:
            unfinished.write_text("half of the n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_block_that_writes_nothing_changes_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_write(path):
        pass
    assert path.read_text() == "old"


def test_of_two_writers_the_later_one_wins(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_write(path) as first:
        first.write_text("first")
        with atomic_write(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"


def test_a_killed_writer_leaves_the_old_file_and_a_hidden_part(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    code = (
        "import os, pathlib, signal, sys\n"
        "from unmask.files import whole_file\n"
        "with whole_file(pathlib.Path(sys.argv[1])) as unfinished:\n"
        "    unfinished.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    (part,) = set(names(tmp_path)) - {"a.txt"}
    assert part.startswith(".")
    assert part.endswith(".part")
