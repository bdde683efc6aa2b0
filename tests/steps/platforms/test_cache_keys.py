"""Fingerprints of the code that steps depend on."""

from steps.platforms import cache_keys
from unmask.training.code_fingerprint import LIBRARY, TRAINING, training_fingerprint


def test_every_part_of_the_library_that_a_fingerprint_covers_exists():
    for part in (*TRAINING, "data", "evaluation", "robustness"):
        assert (LIBRARY / part).exists(), part


def test_the_fingerprints_differ():
    fingerprints = {
        cache_keys.data_fingerprint(),
        cache_keys.preprocessing_fingerprint(),
        cache_keys.evaluation_fingerprint(),
        training_fingerprint(),
    }
    assert len(fingerprints) == 4
