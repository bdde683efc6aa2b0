"""Freed memory is returned to the operating system."""

import importlib.util
import platform
import sys

import psutil
import pytest

from unmask.serving.memory import release_free_memory

MIB = 2**20
GLIBC = platform.libc_ver()[0] == "glibc"


@pytest.mark.skipif(not GLIBC, reason="other C libraries return memory by themselves")
def test_freed_memory_below_memory_in_use_is_released():
    process = psutil.Process()
    blocks = [bytearray(b"x" * 64 * 1024) for _ in range(3000)]  # 188 MiB
    del blocks[:-1]  # the last one is on top of the heap, which only shrinks from there
    before = process.memory_info().rss
    assert release_free_memory() is True
    assert before - process.memory_info().rss > 100 * MIB
    assert len(blocks) == 1


def test_nothing_is_released_on_other_systems_than_linux(monkeypatch):
    spec = importlib.util.find_spec("unmask.serving.memory")
    memory = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "platform", "darwin")
    spec.loader.exec_module(memory)  # a second copy of the module
    assert memory.release_free_memory() is False
