"""Which code a step's result depends on: a change there makes cached results stale.

The preprocessing cache looks after itself, by settings; ZenML's cache of steps does not see
into the library, so each step names the parts of it that it stands on.
"""

from unmask.training.code_fingerprint import (
    PREPROCESSING,
    TRAINING,
    fingerprint,
    training_fingerprint,
)

__all__ = ["data_code", "evaluation_code", "preprocessing_code", "training_fingerprint"]


def data_code() -> str:
    """Of reading, validating and forging data."""
    return fingerprint("records.py", "data")


def preprocessing_code() -> str:
    """Of turning media into arrays."""
    return fingerprint(*PREPROCESSING)


def evaluation_code() -> str:
    """Of scoring, attacking and measuring a detector."""
    return fingerprint(*TRAINING, "evaluation", "robustness")
