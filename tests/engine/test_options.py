import os

import pytest

from unmask.engine.options import EngineOptions, available_threads
from unmask.errors import ConfigError


def test_threads_follow_the_variable_and_then_the_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert available_threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "2,1")
    assert available_threads() == EngineOptions().thread_count == 2
    assert EngineOptions(threads=7).thread_count == 7
    for nonsense in ("", "many", "0"):
        monkeypatch.setenv("OMP_NUM_THREADS", nonsense)
        assert available_threads() == 3


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"engine": "tpu"}, "UNMASK_ENGINE: 'tpu' is unknown; use one of auto, litert"),
        ({"precision": "int4"}, "precision: 'int4' is unknown; use one of auto, 32, bf16"),
        ({"threads": -1}, "threads: -1 is negative; use 0 for all cores"),
    ],
)
def test_unknown_values_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        EngineOptions(**values)
