"""Genuine features: mean map of genuine faces at the CAM layer of a detector.

A test of a heat map removes a part of a face. Removed pixels, blurred or grey, look like a forgery
themselves, so that removing anything raises the score (Hooker et al., "A Benchmark for
Interpretability Methods in Deep Neural Networks", NeurIPS 2019, on such artefacts). What a genuine
face shows at the same place, on average, does not.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from unmask.errors import ConfigError
from unmask.models.cam_layer import CamLayer, find_cam_layer, layer_maps
from unmask.models.collate import collate
from unmask.models.detector import Detector
from unmask.records import ModelInput

FRAMES_PER_SAMPLE = 4


def mean_genuine_map(detector: Detector, samples: Iterable[ModelInput]) -> dict[str, Tensor]:
    """Average the maps of faces at the CAM layer of a detector.

    Args:
        detector: In evaluation mode.
        samples: Of genuine clips; up to ``FRAMES_PER_SAMPLE`` faces of each are used, evenly
            spread. Those without a face are skipped.

    Returns:
        Name of the layer to the mean map, float32, shape ``(channels, rows, columns)``. Empty
        where the detector uses no faces, the backbone has no map, or no sample has a face.
    """
    if "video" not in detector.settings.modalities:
        return {}
    try:
        layer = find_cam_layer(detector.frame)
    except ConfigError:  # such a detector works, but has no heat maps
        return {}
    total, count = torch.zeros(()), 0
    for sample in samples:
        if len(sample.faces):
            maps = _maps(detector, layer, sample)
            total, count = total + maps.double().sum(0).cpu(), count + len(maps)
    return {layer.name: (total / count).float()} if count else {}


def _maps(detector: Detector, layer: CamLayer, sample: ModelInput) -> Tensor:
    batch = collate([sample], detector.settings).to(next(detector.parameters()).device)
    last = len(sample.faces) - 1
    rows = torch.linspace(0, last, min(FRAMES_PER_SAMPLE, last + 1)).round().long()
    flow = None if batch.flow is None else batch.flow[0, rows]
    return layer_maps(
        detector.frame, layer, detector.frame.to_backbone_input(batch.frames[0, rows], flow)
    )
