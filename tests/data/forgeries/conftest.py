import numpy as np
import pytest


@pytest.fixture(scope="session")
def pair():
    """Footage of two synthetic people, one second each."""
    from unmask.data.demo.recording import record, sample_identity

    rng = np.random.default_rng(5)
    return [record(sample_identity(name, rng), 1.0, rng) for name in ("one", "two")]
