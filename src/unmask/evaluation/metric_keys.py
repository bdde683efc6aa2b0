"""Keys of metrics on tracking servers."""

import re
from collections.abc import Mapping

# group of a key by how it begins; the first that fits
GROUPS = (
    (r"clips_skipped$", "data"),
    (r"fgsm_|pgd_", "white_box_attacks"),
    (r"transmitted_", "transmitted_attacks"),
    (r"codec_", "codecs"),
    (r"localisation_", "localisation"),
    (r"cross_dataset_|.*_at_", "cross_dataset"),
    (r"(auc|fpr95|fakes|reals)_source_", "by_source"),
    (r"auc_compression_", "by_compression"),
    (r"auc_modality_", "by_modality"),
    (r"auc_own_forgeries_", "own_forgeries"),
    (r"auc_(low|high)$", "test"),
    (r"auc_", "by_forgery"),
    (r"", "test"),
)


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


def to_grouped_key(key: str) -> str:
    """Return a key of a training with its group in front, as the MLflow UI sorts metrics.

    Example:
        >>> [to_grouped_key(key) for key in ("auc", "auc_face-swap", "codec_gap")]
        ['test/auc', 'by_forgery/auc_face-swap', 'codecs/codec_gap']
    """
    group = next(name for pattern, name in GROUPS if re.match(pattern, key))
    return f"{group}/{key}"
