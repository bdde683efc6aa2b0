"""Settings that are one of a few words."""

from collections.abc import Sequence

from unmask.errors import ConfigError


def among(name: str, value: str, allowed: Sequence[str]) -> None:
    """Refuse ``value`` of setting ``name`` unless it is ``allowed``.

    Raises:
        ConfigError: It is not; the error names what is.
    """
    if value not in allowed:
        raise ConfigError(f"{name} is {value!r}; use one of {', '.join(allowed)}")
