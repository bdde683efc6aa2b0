"""When an API key expires, as given on the command line and as stored."""

import re
from datetime import UTC, datetime, timedelta

from unmask.errors import ConfigError

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
MAX_PERIODS = 10_000


def parse_expiry(text: str, now: datetime) -> datetime:
    """Read a period such as ``12h``, ``30d`` or ``4w``, or a date in UTC.

    Raises:
        ConfigError: It is neither, or lies in the past.

    Example:
        >>> parse_expiry("2d", datetime(2026, 5, 4, tzinfo=UTC)).isoformat()
        '2026-05-06T00:00:00+00:00'
    """
    if match := re.fullmatch(r"(\d{1,5})([hdw])", text):
        count = min(int(match[1]), MAX_PERIODS)
        expiry = now + timedelta(**{_UNITS[match[2]]: count})
    else:
        expiry = read_expiry(text)
    if expiry <= now:
        raise ConfigError(f"{text!r}: a key that has expired is of no use; name a later time")
    return expiry.replace(microsecond=0)


def read_expiry(text: str) -> datetime:
    """Read a stored time; without a zone it is in UTC.

    Raises:
        ConfigError: It is no time.
    """
    try:
        expiry = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r}: is no period or date; write 12h, 30d, 4w or 2027-01-31"
        raise ConfigError(message) from error
    return expiry.replace(tzinfo=UTC) if expiry.tzinfo is None else expiry.astimezone(UTC)
