"""Packets of damaged files, and a lack of memory while they are read."""

import pytest

from unmask.preprocessing.media import packets
from unmask.preprocessing.media.decode import _decode
from unmask.preprocessing.media.packets import MAX_ERRORS, iter_packets

av = pytest.importorskip("av")
PATH = "clip.mp4"


class Packet:
    size = 10


class Container:
    """Answers each call of ``demux`` with the next of its outcomes."""

    def __init__(self, outcomes):
        self.outcomes = outcomes

    def demux(self, streams):
        while self.outcomes:
            outcome = self.outcomes.pop(0)
            if isinstance(outcome, Exception):
                raise outcome
            yield outcome


def no_memory():
    return av.error.MemoryError(12, "Cannot allocate memory", PATH)


def invalid():
    return av.error.InvalidDataError(1, "Invalid data found", PATH)


def unknown_stream():
    return IndexError("list index out of range")


@pytest.fixture
def memory_is_short(monkeypatch):
    monkeypatch.setattr(packets, "PROBE_BYTES", 2**62)


@pytest.mark.parametrize("error", [no_memory, invalid, unknown_stream])
def test_packets_behind_an_error_are_read(error):
    read = list(iter_packets(Container([Packet(), error(), Packet(), error(), Packet()]), (), PATH))
    assert len(read) == 3


@pytest.mark.parametrize(("error", "tries"), [(invalid, MAX_ERRORS), (no_memory, 4)])
def test_errors_that_follow_one_another_end_the_file(error, tries):
    container = Container([Packet(), *(error() for _ in range(150)), Packet()])
    assert len(list(iter_packets(container, (), PATH))) == 1
    assert len(container.outcomes) == 151 - tries


def test_a_real_lack_of_memory_is_not_taken_for_damage(memory_is_short):
    with pytest.raises(MemoryError):
        list(iter_packets(Container([Packet(), no_memory(), Packet()]), (), PATH))


class Stream:
    """Cannot decode a packet for lack of memory."""

    def decode(self, packet):
        raise no_memory()


def test_a_picture_too_large_for_any_memory_is_damage():
    assert _decode(Stream(), Packet(), PATH) is None


def test_a_picture_too_large_for_the_memory_left_is_not_damage(memory_is_short):
    with pytest.raises(MemoryError):
        _decode(Stream(), Packet(), PATH)
