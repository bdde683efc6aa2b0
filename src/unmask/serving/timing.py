"""Which part of the detector the seconds go to."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakSet

import torch
from torch import nn

from unmask.preprocessing.clock import Stopwatch

# each thread has its own, so that two analyses at once do not count each other's work
_watch: ContextVar[Stopwatch | None] = ContextVar("watch", default=None)
_told: WeakSet[nn.Module] = WeakSet()


@contextmanager
def counting(watch: Stopwatch) -> Iterator[None]:
    """Count what modules given to :func:`tell_time` do inside the block."""
    token = _watch.set(watch)
    try:
        yield
    finally:
        _watch.reset(token)


def tell_time(module: nn.Module, stage: str) -> None:
    """From now on, count the module's forward passes to ``stage``; once, however often told."""
    if module in _told:
        return
    _told.add(module)
    running: ContextVar[AbstractContextManager[None] | None] = ContextVar(stage, default=None)

    def start(*_: Any) -> None:
        watch = _watch.get()
        running.set(watch.on(stage) if watch else None)
        if block := running.get():
            block.__enter__()

    def stop(*_: Any) -> None:
        if block := running.get():
            if next(module.parameters()).is_cuda:
                torch.cuda.synchronize()  # a GPU's work is queued, not done
            block.__exit__(None, None, None)

    module.register_forward_pre_hook(start)
    module.register_forward_hook(stop, always_call=True)
