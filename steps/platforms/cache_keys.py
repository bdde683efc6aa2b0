"""ZenML cache policies: the code that a step's result depends on is part of its cache key.

ZenML hashes a step's own source and inputs only. Each policy adds a fingerprint of the parts of
the library that the step calls. The feature cache has its own keys.
"""

from zenml.config.cache_policy import CachePolicy

from unmask.training.code_fingerprint import (
    PREPROCESSING,
    TRAINING,
    fingerprint,
    training_fingerprint,
)


def data_fingerprint() -> str:
    """Return the fingerprint of the code that reads, validates and synthesises data."""
    return fingerprint("records.py", "data")


def preprocessing_fingerprint() -> str:
    """Return the fingerprint of the code that turns media into arrays."""
    return fingerprint(*PREPROCESSING)


def evaluation_fingerprint() -> str:
    """Return the fingerprint of the code that scores, attacks and evaluates a detector."""
    return fingerprint(*TRAINING, "evaluation", "robustness")


DATA_POLICY = CachePolicy(cache_func=data_fingerprint)
PREPROCESSING_POLICY = CachePolicy(cache_func=preprocessing_fingerprint)
TRAINING_POLICY = CachePolicy(cache_func=training_fingerprint)
EVALUATION_POLICY = CachePolicy(cache_func=evaluation_fingerprint)
