"""Which part of the detector the seconds go to."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from unmask.preprocessing.timing import StageTimer

# each thread has its own, so that two analyses at once do not count each other's work
_watch: ContextVar[StageTimer | None] = ContextVar("watch", default=None)
_told: WeakKeyDictionary[nn.Module, set[str]] = WeakKeyDictionary()


@contextmanager
def use_timer(watch: StageTimer) -> Iterator[None]:
    """Count what modules given to :func:`tell_time` do inside the block."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def attach_timer(module: nn.Module, stage: str, method: str = "forward") -> None:
    """From now on, count the module's ``method`` to ``stage``; once, however often told."""
    told = _told.setdefault(module, set())
    if method in told:
        return
    told.add(method)
    work = getattr(module, method)

    @wraps(work)
    def counted(*args: Any, **kwargs: Any) -> Any:
        watch = _watch.get()
        if watch is None:
            return work(*args, **kwargs)
        with watch.measure(stage):
            out = work(*args, **kwargs)
            if next(module.parameters()).is_cuda:
                torch.cuda.synchronize()  # a GPU's work is queued, not done
            return out

    setattr(module, method, counted)
