"""Audio-visual deepfake detection in videos of talking people.

The names below are imported on first use, so that ``import unmask`` loads neither PyTorch nor
FFmpeg.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unmask.errors import UnmaskError
    from unmask.models.bundle import load_bundle
    from unmask.models.inference import score_samples
    from unmask.preprocessing.prepare import prepare_clip
    from unmask.serving.analyzer import Analyzer
    from unmask.serving.report.schema import Report

__version__ = "0.2.0"

__all__ = [
    "Analyzer",
    "Report",
    "UnmaskError",
    "__version__",
    "load_bundle",
    "prepare_clip",
    "score_samples",
]

_MODULES = {
    "Analyzer": "unmask.serving.analyzer",
    "Report": "unmask.serving.report.schema",
    "UnmaskError": "unmask.errors",
    "load_bundle": "unmask.models.bundle",
    "prepare_clip": "unmask.preprocessing.prepare",
    "score_samples": "unmask.models.inference",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
