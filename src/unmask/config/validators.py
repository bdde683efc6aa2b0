"""Settings that are one of a few words, shares, or at least so much."""

from collections.abc import Sequence

from unmask.errors import ConfigError


def among(name: str, value: str, allowed: Sequence[str]) -> None:
    """Refuse ``value`` of setting ``name`` unless it is ``allowed``.

    Raises:
        ConfigError: It is not; the error names what is.
    """
    if value not in allowed:
        raise ConfigError(f"{name} is {value!r}; use one of {', '.join(allowed)}")


def share(name: str, value: float, *, ends: bool = False) -> None:
    """Refuse ``value`` of setting ``name`` unless it lies between 0 and 1.

    Args:
        ends: 0 and 1 are allowed, too.

    Raises:
        ConfigError: It does not.
    """
    if not (0 < value < 1 or (ends and value in (0, 1))):
        between = "from 0 to 1" if ends else "between 0 and 1"
        raise ConfigError(f"{name} is {value!r}; use a share {between}")


def at_least(name: str, value: float, least: float) -> None:
    """Refuse ``value`` of setting ``name`` where it is below ``least``.

    Raises:
        ConfigError: It is.
    """
    if value < least:
        raise ConfigError(f"{name} is {value!r}; use {least} or more")
