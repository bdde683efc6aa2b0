"""Which weights of a checkpoint do not fit a model, in words."""

from collections.abc import Collection

MAX_KEYS_SHOWN = 3


def describe_mismatch(missing: Collection[str], additional: Collection[str]) -> str:
    """Return what a checkpoint lacks and has in addition; empty where it fits.

    Example:
        >>> describe_mismatch({"b", "a"}, {"c"})
        'it lacks 2 weights (a, b) and has 1 that the model does not (c)'
        >>> describe_mismatch((), ())
        ''
    """
    parts = []
    if missing:
        parts.append(f"lacks {len(missing)} weights ({_list(missing)})")
    if additional:
        parts.append(f"has {len(additional)} that the model does not ({_list(additional)})")
    return f"it {' and '.join(parts)}" if parts else ""


def _list(keys: Collection[str]) -> str:
    more = ", …" if len(keys) > MAX_KEYS_SHOWN else ""
    return ", ".join(sorted(keys)[:MAX_KEYS_SHOWN]) + more
