import pytest

from unmask.config import PreprocessingSettings
from unmask.models.bundle import Bundle, save_bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.graphs import export
from unmask.models.lipsync.network import SyncNet
from unmask.records import RATE_HZ

PHASE_3 = {
    "fusion": "attention",
    "flow": True,
    "auxiliary": True,
    "temporal": "transformer",
    "pooling": "odds",
    "voice_frozen_layers": 1,
    "voice_context_s": 0.1,
}


@pytest.fixture(scope="session")
def exported(make_detector, make_sample, tiny, tmp_path_factory):
    """Two members on one frame encoder, as an ensemble fitted on a frozen one has them."""
    members = tuple(make_detector(tiny, seed, **PHASE_3) for seed in (0, 1))
    members[1].frame = members[0].frame
    bundle = Bundle(
        members, PreprocessingSettings(), Calibration(), 3, "full", sync=SyncNet(8).eval()
    )
    folder = tmp_path_factory.mktemp("bundle") / "phase-3"
    bundle = save_bundle(folder, bundle)
    sample = make_sample(frames=6, samples=RATE_HZ)
    return folder, bundle, export.export_graphs(folder, bundle, [sample])
