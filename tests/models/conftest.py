import numpy as np
import pytest
import torch

from tests.factories import make_model_settings
from unmask.models.detector import Detector
from unmask.records import ModelInput


@pytest.fixture(autouse=True, scope="session")
def single_thread():
    """Use one thread: tiny models do not gain from more, and parallel tests suffer."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny():
    """Settings of a detector that is fast to build and run."""
    return make_model_settings()


@pytest.fixture(scope="session")
def make_detector():
    """Build a detector in evaluation mode whose weights depend only on a seed.

    Its scores are spread out, so that differences between them are visible.
    """

    def build(settings, seed=0, **changes):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            detector = Detector(settings.replace(**changes))
            for block in detector.temporal.blocks:
                torch.nn.init.normal_(block.widen.weight)
            torch.nn.init.normal_(detector.head[-1].weight)
            torch.nn.init.normal_(detector.fusion.no_video)
            torch.nn.init.normal_(detector.fusion.no_audio)
        return detector.eval()

    return build


@pytest.fixture(scope="session")
def make_sample():
    """Noise as face and as sound, of any lengths; two thirds of the sound count as speech."""

    def make(frames, samples, seed=0):
        rng = np.random.default_rng((seed, frames, samples))
        return ModelInput(
            faces=rng.integers(0, 256, (frames, 224, 224, 3), dtype=np.uint8),
            flow=rng.integers(-40, 40, (frames, 2, 224, 224), dtype=np.int8),
            waveform=rng.normal(0, 0.1, samples).astype(np.float32),
            is_speech=np.arange(samples) % 6000 < 4000,
            times_s=0.1 + 0.2 * np.arange(frames),
        )

    return make
