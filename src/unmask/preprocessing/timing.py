"""Elapsed time by stage."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


class StageTimer:
    """Sums the elapsed time of each stage.

    Attributes:
        seconds: Seconds so far, by stage.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time spent inside the block to ``stage``."""
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += perf_counter() - start

    def measure_iter(self, stage: str, items: Iterator[T]) -> Iterator[T]:
        """Yield ``items``, and add only the time that producing them takes to ``stage``."""
        while True:
            with self.measure(stage):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item
