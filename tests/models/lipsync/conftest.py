import numpy as np
import pytest
import torch

from unmask.models.lipsync.network import SyncNet
from unmask.records import MouthCrops


@pytest.fixture(scope="session")
def net():
    """An untrained lip-sync network."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return SyncNet(dim=16).eval()


@pytest.fixture
def make_lips(rng):
    """Mouth crops of noise at some ticks."""

    def make(ticks, first=0):
        mouths = rng.integers(0, 255, (len(ticks), 48, 48)).astype(np.uint8)
        times_s = (np.array(ticks) + first) / 25
        return MouthCrops(mouths, times_s, np.zeros(len(ticks), np.float32), 25.0)

    return make


@pytest.fixture
def make_noise(rng):
    """Sound of noise."""

    def make(seconds):
        return rng.normal(0, 0.1, round(seconds * 16_000)).astype(np.float32)

    return make
