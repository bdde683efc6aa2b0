"""Progress: a bar on a terminal, lines elsewhere."""

import sys
from collections.abc import Iterable, Iterator
from time import monotonic
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


def track_long(items: Iterable[T], label: str, total: int, every_s: float = 60.0) -> Iterator[T]:
    """Yield ``items`` like :func:`track`; away from a terminal, write a line now and then.

    Args:
        every_s: Time between two lines.
    """
    if Console(stderr=True).is_terminal:
        yield from track(items, label, total)
        return
    shown_s, first_s = monotonic(), 0.0
    for count, item in enumerate(items, 1):
        yield item
        now_s = monotonic()
        first_s = first_s or now_s  # what comes before it does not come again
        if now_s - shown_s >= every_s:
            shown_s = now_s
            line = f"{label}: {count} of {total}"
            if count > 1:
                left_s = (now_s - first_s) / (count - 1) * (total - count)
                rate = format_rate(count - 1, now_s - first_s)
                line += f" ({rate}), about {format_time(left_s)} left"
            print(line, file=sys.stderr, flush=True)


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
