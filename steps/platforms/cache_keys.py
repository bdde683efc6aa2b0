"""Which code a step's result depends on: a change there makes cached results stale.

The preprocessing cache looks after itself, by settings; ZenML's cache of steps does not see
into the library, so each step names the parts of it that it stands on.
"""

from unmask.training.code_fingerprint import PREPROCESSING, TRAINING, code_sha, training_code

__all__ = ["data_code", "evaluation_code", "preprocessing_code", "training_code"]


def data_code() -> str:
    """Of reading, validating and forging data."""
    return code_sha("records.py", "data")


def preprocessing_code() -> str:
    """Of turning media into arrays."""
    return code_sha(*PREPROCESSING)


def evaluation_code() -> str:
    """Of scoring, attacking and measuring a detector."""
    return code_sha(*TRAINING, "evaluation", "robustness")
