"""Memory that is free already, given back to the system."""

import platform

import psutil
import pytest

from unmask.serving.memory import release_free_memory

MIB = 2**20


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep nothing back")
def test_freed_memory_below_what_is_still_held_goes_back():
    process = psutil.Process()
    blocks = [bytearray(b"x" * 64 * 1024) for _ in range(3000)]  # 188 MiB
    del blocks[:-1]  # the last one lies on top, and the heap only shrinks from there
    kept = process.memory_info().rss
    release_free_memory()
    assert kept - process.memory_info().rss > 100 * MIB
    assert len(blocks) == 1


def test_it_can_be_called_again():
    release_free_memory()
    release_free_memory()
