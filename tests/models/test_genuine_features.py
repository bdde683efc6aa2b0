"""The mean map of genuine faces is that of their maps, one by one."""

import numpy as np
import pytest
import torch

from tests.factories import make_model_settings
from unmask.models.cam_layer import find_cam_layer, layer_maps
from unmask.models.detector import Detector
from unmask.models.genuine_features import FRAMES_PER_SAMPLE, mean_genuine_map
from unmask.records import FLOW_STEP_PX, ModelInput

NO_SOUND = np.zeros(0, np.float32), np.zeros(0, np.bool_)


def make_faces(frames, seed, flow=False):
    rng = np.random.default_rng(seed)
    faces = rng.integers(0, 256, (frames, 224, 224, 3), dtype=np.uint8)
    levels = rng.integers(-9, 9, (frames, 2, 224, 224), dtype=np.int8) if flow else None
    return ModelInput(faces, levels, *NO_SOUND, times_s=0.2 * np.arange(frames))


def make_detector(**changes):
    settings = make_model_settings(input_px=224, frame_backbone="residual_tiny", **changes)
    return Detector(settings).eval()


@pytest.mark.parametrize("flow", [False, True])
def test_mean_is_over_faces_spread_over_each_sample(flow):
    detector = make_detector(flow=flow)
    samples = [make_faces(10, 0, flow), make_faces(1, 1, flow)]
    layer, encoder = find_cam_layer(detector.frame), detector.frame
    maps = []
    for sample, rows in ((samples[0], (0, 3, 6, 9)), (samples[1], (0,))):
        for row in rows:
            pixels = torch.from_numpy(sample.faces[row]).permute(2, 0, 1)[None] / 255
            own = torch.from_numpy(sample.flow[row])[None] * FLOW_STEP_PX if flow else None
            maps.append(layer_maps(encoder, layer, encoder.to_backbone_input(pixels, own)))
    assert len(maps) == FRAMES_PER_SAMPLE + 1
    result = mean_genuine_map(detector, samples)
    assert list(result) == [layer.name]
    torch.testing.assert_close(result[layer.name], torch.cat(maps).mean(0))


def test_samples_without_a_face_do_not_count():
    detector = make_detector()
    sound = ModelInput(np.zeros((0, 224, 224, 3), np.uint8), None, *NO_SOUND)
    (alone,) = mean_genuine_map(detector, [make_faces(2, 0)]).values()
    (both,) = mean_genuine_map(detector, [sound, make_faces(2, 0)]).values()
    assert torch.equal(alone, both)
    assert mean_genuine_map(detector, [sound]) == {}


def test_detectors_without_a_map_have_no_mean():
    assert mean_genuine_map(make_detector(modalities=("audio",)), [make_faces(2, 0)]) == {}
    flat = make_detector()
    flat.frame.backbone = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 224**2, 4))
    assert mean_genuine_map(flat, [make_faces(2, 0)]) == {}
