"""How long each stage of the work takes."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


class StageTimer:
    """Adds up seconds by stage.

    Attributes:
        seconds: Stage to seconds of work so far.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Count the time inside the block to ``stage``."""
        begin = perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += perf_counter() - begin

    def measure_iter(self, stage: str, items: Iterator[T]) -> Iterator[T]:
        """Count to ``stage`` only the time that ``items`` takes to give its next one."""
        while True:
            with self.measure(stage):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
