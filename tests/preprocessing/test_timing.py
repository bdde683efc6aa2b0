"""Elapsed time by stage."""

import pytest

from unmask.preprocessing import timing
from unmask.preprocessing.timing import StageTimer


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still; add seconds to its first item."""
    now_s = [100.0]
    monkeypatch.setattr(timing, "perf_counter", lambda: now_s[0])
    return now_s


def test_time_of_each_stage_is_summed(clock):
    timer = StageTimer()
    for stage, seconds in (("decode", 1.0), ("faces", 2.0), ("decode", 0.5)):
        with timer.measure(stage):
            clock[0] += seconds
        clock[0] += 10.0
    assert timer.seconds == {"decode": 1.5, "faces": 2.0}


def test_time_before_an_error_counts(clock):
    timer = StageTimer()

    @timer.measure("faces")
    def fail():
        clock[0] += 3.0
        raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert timer.seconds == {"faces": 3.0}


def test_only_the_production_of_items_counts(clock):
    def produce():
        for item in "ab":
            clock[0] += 1.0
            yield item
        clock[0] += 0.25  # after the last item

    timer, items = StageTimer(), []
    for item in timer.measure_iter("decode", produce()):
        items.append(item)
        clock[0] += 10.0
    assert items == ["a", "b"]
    assert timer.seconds == {"decode": 2.25}
