"""Atomic writes and file hashes."""

import hashlib
import signal
import subprocess
import sys

import pytest

from unmask.files import atomic_write, file_sha256


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_file_appears_only_when_the_block_ends(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with atomic_write(path) as unfinished:
        unfinished.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert names(path.parent) == ["a.txt"]


def test_error_keeps_the_old_file_and_removes_the_temporary_one(tmp_path):
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


def test_block_without_a_write_changes_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_write(path):
        pass
    assert path.read_text() == "old"


def test_last_of_two_concurrent_writers_wins(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_write(path) as first:
        first.write_text("first")
        with atomic_write(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"


def test_killed_writer_keeps_the_old_file_and_leaves_a_hidden_part(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    code = (
        "import os, pathlib, signal, sys\n"
        "from unmask.files import atomic_write\n"
        "with atomic_write(pathlib.Path(sys.argv[1])) as unfinished:\n"
        "    unfinished.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert run.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    (part,) = set(names(tmp_path)) - {"a.txt"}
    assert part.startswith(".")
    assert part.endswith(".part")


def test_sha256_is_that_of_the_bytes(tmp_path):
    path = tmp_path / "a"
    content = b"0123456789" * 200_000
    path.write_bytes(content)
    assert file_sha256(path) == hashlib.sha256(content).hexdigest()


def test_sha256_of_a_folder_or_missing_file_raises_os_error(tmp_path):
    with pytest.raises(IsADirectoryError):
        file_sha256(tmp_path)
    with pytest.raises(FileNotFoundError):
        file_sha256(tmp_path / "missing")
