"""The pipelines: which step follows which.

They are imported at first use, so that showing a summary does not import the platforms.
"""

from importlib import import_module
from typing import Any

# pipeline to module; a module of a pipeline's own name would hide it
PIPELINES = {
    "training_pipeline": "training",
    "regression_gate": "gate",
    "release_pipeline": "release",
}


def __getattr__(name: str) -> Any:
    if name not in PIPELINES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import_module("steps.platforms.step_errors").shorten_known_errors()
    return getattr(import_module(f"pipelines.{PIPELINES[name]}"), name)
