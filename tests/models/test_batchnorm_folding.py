"""A folded backbone answers as the one it was made of."""

import pytest
import timm
import torch
from torch import nn

from unmask.models.batchnorm_folding import fold_batch_norms


@pytest.fixture
def chance():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def trained(model, example):
    """With norms that are far from the identity they start as."""
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
def test_no_norm_is_left_and_the_answer_is_the_same(chance, name):
    example = torch.rand(4, 3, 64, 64)
    model = trained(timm.create_model(name, num_classes=0), example)
    quick = fold_batch_norms(model, example)
    assert quick is not model
    assert not any(isinstance(module, nn.BatchNorm2d) for module in quick.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    with torch.inference_mode():
        other = torch.rand(2, 3, 64, 64)
        assert torch.allclose(quick(other), model(other), rtol=1e-3, atol=1e-4)


class Twice(nn.Module):
    """Uses the convolution's output beside the norm, so that folding would change it."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        y = self.conv(x)
        return (self.norm(y) + y).mean((2, 3))


def test_what_does_not_fold_stays_as_it_is(chance, caplog):
    example = torch.rand(4, 3, 16, 16)
    model = trained(Twice(), example)
    assert fold_batch_norms(model, example) is model
    assert "do not fold" in caplog.text
