"""Progress: a bar on a terminal, a line a minute elsewhere."""

from collections.abc import Iterable, Iterator, Sized
from time import monotonic
from typing import TypeVar

from rich.console import Console
from rich.progress import track as rich_track

from unmask import messages

T = TypeVar("T")
EVERY_S = 60.0  # between two lines


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield ``items`` and show their progress on standard error.

    Away from a terminal, or where messages are JSON, a line a minute tells how many are done and
    how long the others take. Work that ends within a minute has none.

    Args:
        total: Number of items, for an iterable without a length.
    """
    console = Console(stderr=True)
    if console.is_terminal and messages.is_plain():
        yield from rich_track(items, label, total, console=console)
        return
    if total is None and isinstance(items, Sized):
        total = len(items)
    progress = ProgressLines(label, total)
    for item in items:
        yield item
        progress.advance()


class ProgressLines:
    """Lines that tell how far a piece of work is, at most one a minute.

    Args:
        total: Number of parts, if it is known.
    """

    def __init__(self, label: str, total: int | None) -> None:
        self._label, self._total = label, total
        self._shown_s, self._first_s, self._count = monotonic(), 0.0, 0

    def advance(self, detail: str = "") -> None:
        """Count one part as done; write a line if the last one is long ago.

        Args:
            detail: Last words of the line, such as the loss.
        """
        self._count += 1
        now_s = monotonic()
        if self._count == 1:
            self._first_s = now_s  # what comes before it does not come again
        if now_s - self._shown_s >= EVERY_S:
            self._shown_s = now_s
            messages.write(self._describe(now_s - self._first_s) + detail)

    def _describe(self, elapsed_s: float) -> str:
        line = f"{self._label}: {self._count}"
        if self._total is not None:
            line += f" of {self._total}"
        if self._count == 1:
            return line
        line += f" ({format_rate(self._count - 1, elapsed_s)}"
        if self._total is None:
            return f"{line})"
        left_s = elapsed_s / (self._count - 1) * (self._total - self._count)
        return f"{line}), about {format_time(left_s)} left"


def format_time(seconds: float) -> str:
    """Return a length of time in its two largest units.

    Example:
        >>> [format_time(seconds) for seconds in (4.2, 90, 3700, 90_000)]
        ['4 s', '1 min 30 s', '1 h 1 min', '25 h 0 min']
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def format_rate(count: int, seconds: float) -> str:
    """Return a rate in the unit in which it is not below 1, if there is one.

    Example:
        >>> format_rate(30, 10.0), format_rate(30, 60.0), format_rate(30, 7200.0)
        ('3.0 a second', '30 a minute', '15 an hour')
    """
    for unit_s, unit in ((1.0, "a second"), (60.0, "a minute")):
        if (rate := count / max(seconds, 1e-9) * unit_s) >= 1.0:
            return f"{rate:.1f} {unit}" if unit_s == 1.0 else f"{rate:.0f} {unit}"
    return f"{count / seconds * 3600:.2g} an hour"
