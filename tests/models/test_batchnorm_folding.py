"""A folded backbone has the same outputs as the original."""

import pytest
import timm
import torch
from torch import nn

from unmask.models.batchnorm_folding import fold_batch_norms


@pytest.fixture
def fixed_seed():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def trained(model, example):
    """Set the norms to values far from the identity that they start as."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.5, 0.5)
    model.train()
    with torch.no_grad():
        for _ in range(5):
            model(example)
    return model.eval()


@pytest.mark.parametrize("name", ["resnet10t", "efficientnet_b0", "mobilenetv3_small_050"])
def test_folding_removes_all_norms_and_keeps_the_output(fixed_seed, name):
    example = torch.rand(4, 3, 64, 64)
    model = trained(timm.create_model(name, num_classes=0), example)
    folded = fold_batch_norms(model, example)
    assert folded is not model
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    with torch.inference_mode():
        other = torch.rand(2, 3, 64, 64)
        assert torch.allclose(folded(other), model(other), rtol=1e-3, atol=1e-4)


class Twice(nn.Module):
    """Uses the output of the convolution besides the norm, so that folding would change it."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        y = self.conv(x)
        return (self.norm(y) + y).mean((2, 3))


def test_backbone_that_cannot_be_folded_is_returned_unchanged(fixed_seed, caplog):
    example = torch.rand(4, 3, 16, 16)
    model = trained(Twice(), example)
    assert fold_batch_norms(model, example) is model
    assert "cannot fold the batch norms of Twice" in caplog.text
