"""Keys of metrics on tracking servers."""

import re
from collections.abc import Mapping


def to_metric_key(name: str) -> str:
    """Return a name with only those characters that MLflow accepts in a key.

    Example:
        >>> to_metric_key("auc@celebdf/manipulation/face swap+voice")
        'auc_at_celebdf/manipulation/face_swap_voice'
    """
    return re.sub(r"[^\w./-]+", "_", name.replace("@", "_at_"))


def to_metric_keys(values: Mapping[str, float]) -> dict[str, float]:
    """Return metrics under keys that MLflow accepts, see :func:`to_metric_key`."""
    return {to_metric_key(name): value for name, value in values.items()}
