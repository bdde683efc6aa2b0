from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from unmask.models.detector import Detector
from unmask.training.module import DetectorModule


@pytest.mark.parametrize("dim", [16, 256])
def test_a_step_moves_what_a_face_is_said_to_be_by_the_learning_rate_however_long_its_vector(
    tiny_settings, dim
):
    model = replace(tiny_settings.model, frame_dim=dim, auxiliary=True)
    module = DetectorModule(Detector(model), tiny_settings.training, seed=7)
    module.trainer = SimpleNamespace(estimated_stepping_batches=1)
    (optimiser,), _ = module.configure_optimizers()
    vectors, mask = torch.ones(1, 1, dim), torch.ones(1, 1, dtype=torch.bool)
    before = module.detector.faces(vectors, mask)
    (-sum(out.sum() for out in before)).backward()
    optimiser.step()
    rate = tiny_settings.training.learning_rate
    for old, new in zip(before, module.detector.faces(vectors, mask), strict=True):
        moved = (new - old).detach()  # by the weights, all of them together, and by the bias
        assert torch.allclose(moved, torch.full_like(moved, rate * (1 + 1 / dim)), rtol=0.01)


def test_every_weight_that_is_tuned_is_in_one_group(tiny_settings):
    model = replace(tiny_settings.model, auxiliary=True)
    module = DetectorModule(Detector(model), tiny_settings.training, seed=7)
    module.trainer = SimpleNamespace(estimated_stepping_batches=1)
    (optimiser,), _ = module.configure_optimizers()
    held = [id(p) for group in optimiser.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in module.parameters() if p.requires_grad)
