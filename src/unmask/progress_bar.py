"""Progress bar on a terminal."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track as rich_track

T = TypeVar("T")


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield ``items`` and show their progress on standard error, if that is a terminal.

    Args:
        total: Number of items, for an iterable without a length.
    """
    console = Console(stderr=True)
    hidden = not console.is_terminal
    yield from rich_track(items, label, total, console=console, disable=hidden)
