"""When a load test submits: a number of videos at once, or a rate over a duration."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from unmask.errors import ConfigError

SUBMISSIONS = 200
SAMPLING_INTERVAL_S = 2.0
LONG_SAMPLING_INTERVAL_S = 30.0  # with a duration

UNITS_S = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
MAX_DURATION_S = 30 * UNITS_S["d"]


@dataclass(frozen=True, slots=True)
class Pace:
    """When submissions are sent, and how memory is recorded meanwhile.

    Attributes:
        interval_s: Time from one submission to the next; 0 sends as fast as clients are free.
        sampling_interval_s: Time between two samples of memory.
        memory_csv: File of all samples; ``None`` writes none.
    """

    interval_s: float = 0.0
    sampling_interval_s: float = SAMPLING_INTERVAL_S
    memory_csv: Path | None = None


UNPACED = Pace()


def parse_duration_s(text: str) -> float:
    """Read a duration.

    Raises:
        ConfigError: It is none, zero, or longer than 30 days.

    Example:
        >>> parse_duration_s("90s"), parse_duration_s("1.5h")
        (90.0, 5400.0)
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)(s|min|h|d)", text)
    duration_s = float(match[1]) * UNITS_S[match[2]] if match else 0.0
    if not 0 < duration_s <= MAX_DURATION_S:
        raise ConfigError(f"{text!r}: is no duration up to 30 days; write 90s, 30min, 2h or 1d")
    return duration_s


def parse_rate_hz(text: str) -> float:
    """Read a rate, and return how many a second.

    Raises:
        ConfigError: It is none, or zero.

    Example:
        >>> parse_rate_hz("6/min")
        0.1
    """
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)/(s|min|h|d)", text)
    rate_hz = float(match[1]) / UNITS_S[match[2]] if match else 0.0
    if rate_hz <= 0:
        raise ConfigError(f"{text!r}: is no rate; write 6/min, 2/s or 100/h")
    return rate_hz


@dataclass(frozen=True, slots=True)
class Schedule:
    """Options of a load test: how much it submits, and how fast."""

    submissions: Annotated[
        int | None, typer.Option(min=1, help=f"Number of submissions; default: {SUBMISSIONS}.")
    ] = None
    rate: Annotated[
        str | None, typer.Option(help="Submissions over time: 6/min; default: as fast as it goes.")
    ] = None
    duration: Annotated[
        str | None, typer.Option(help="How long to submit at --rate: 90s, 30min, 2h.")
    ] = None
    memory_csv: Annotated[
        Path | None, typer.Option(help="Also write each sample of the memory, as CSV.")
    ] = None

    def plan(self) -> tuple[int, Pace]:
        """Return how many videos are submitted, and when.

        Raises:
            ConfigError: The options contradict each other, or cannot be read.
        """
        interval_s = 0.0 if self.rate is None else 1 / parse_rate_hz(self.rate)
        if self.duration is None:
            pace = Pace(interval_s, SAMPLING_INTERVAL_S, self.memory_csv)
            return self.submissions or SUBMISSIONS, pace
        if self.submissions is not None:
            raise ConfigError("--duration and --submissions exclude each other; leave one out")
        if not interval_s:
            raise ConfigError("--duration needs --rate, such as --rate 6/min")
        submissions = max(round(parse_duration_s(self.duration) / interval_s), 1)
        return submissions, Pace(interval_s, LONG_SAMPLING_INTERVAL_S, self.memory_csv)
