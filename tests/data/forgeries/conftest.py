import numpy as np
import pytest

from tests.small_hifigan import store_vocoder

VOCODER = "hifigan-universal"


@pytest.fixture(scope="session")
def pair():
    """Footage of two synthetic people, one second each."""
    from unmask.data.demo.recording import record, sample_identity

    rng = np.random.default_rng(5)
    return [record(sample_identity(name, rng), 1.0, rng) for name in ("one", "two")]


@pytest.fixture
def vocoder_name(tmp_path, monkeypatch):
    """Name of a vocoder in the cache of weights, which is small and has random weights."""
    from unmask.data.forgeries.kept_voices import _forge
    from unmask.data.forgeries.vocoder import load_vocoder

    store_vocoder(VOCODER, tmp_path, monkeypatch)
    for kept in (load_vocoder, _forge):
        kept.cache_clear()
    yield VOCODER
    for kept in (load_vocoder, _forge):
        kept.cache_clear()
