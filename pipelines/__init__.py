"""Wiring: which step follows which.

The pipelines are attributes of this package, made at first use: showing a summary does not
wait for the platforms.
"""

from importlib import import_module
from typing import Any

PIPELINES = {"training_pipeline": "training", "regression_gate": "gate"}


def __getattr__(name: str) -> Any:
    if name not in PIPELINES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"pipelines.{PIPELINES[name]}"), name)
