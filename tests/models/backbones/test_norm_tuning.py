"""Only norms and the kernels of flow are trained, and flow starts without effect."""

import pytest
import timm
import torch

from unmask.config import ModelSettings
from unmask.models.backbones.frame_encoder import FrameEncoder
from unmask.models.backbones.norm_tuning import ParallelFlowConv, freeze_all_but_norms

NORMS = torch.nn.LayerNorm | torch.nn.BatchNorm2d


@pytest.fixture
def faces():
    return torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["test_vit", "resnet10t", "test_convnext"])
def test_exactly_the_norms_are_trainable(name):
    backbone = timm.create_model(name, pretrained=False, num_classes=0)
    norms = {
        f"{path}.{leaf}"
        for path, module in backbone.named_modules()
        for leaf, _ in module.named_parameters(recurse=False)
        if isinstance(module, NORMS)
    }
    freeze_all_but_norms(backbone)
    trainable = {key for key, p in backbone.named_parameters() if p.requires_grad}
    assert trainable == norms
    assert len(norms) > 4


def test_norm_classes_of_timm_are_trainable():
    backbone = timm.create_model("test_vit3", pretrained=False, num_classes=0)
    freeze_all_but_norms(backbone)
    trainable = [key for key, p in backbone.named_parameters() if p.requires_grad]
    assert trainable
    assert all("norm" in key for key in trainable)


@pytest.mark.parametrize("name", ["test_vit", "resnet10t", "test_convnext"])
def test_encoder_trains_only_norms_projection_and_flow_kernels(faces, name):
    encoder = FrameEncoder(
        ModelSettings(
            frame_backbone=name,
            frame_weights="random",
            input_px=32,
            flow=True,
            frame_dim=8,
            trainable="norms",
        )
    ).train()
    flow = torch.randn(4, 2, 32, 32, generator=torch.Generator().manual_seed(1))
    encoder(faces, flow).square().sum().backward()
    with_gradient = {key for key, p in encoder.backbone.named_parameters() if p.grad is not None}
    norms = {
        f"{path}.{leaf}"
        for path, module in encoder.backbone.named_modules()
        for leaf, _ in module.named_parameters(recurse=False)
        if isinstance(module, NORMS)
    }
    (flow_kernels,) = with_gradient - norms
    assert flow_kernels.endswith("flow.weight")
    assert norms <= with_gradient
    assert all(p.grad is not None for p in encoder.project.parameters())


@pytest.mark.parametrize("bias", [False, True])
def test_parallel_flow_convolution_equals_one_convolution_over_both(bias):
    colour = torch.nn.Conv2d(3, 6, 3, stride=2, padding=1, bias=bias)
    parallel = ParallelFlowConv(colour)
    x = torch.randn(2, 5, 16, 16, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        torch.testing.assert_close(parallel(x), colour(x[:, :3]))  # flow has no effect at first
        torch.nn.init.normal_(parallel.flow.weight)
        kernels = torch.cat([colour.weight, parallel.flow.weight], dim=1)
        expected = torch.nn.functional.conv2d(x, kernels, colour.bias, 2, 1)
        torch.testing.assert_close(parallel(x), expected, atol=1e-5, rtol=1e-4)


def test_flow_kernels_are_trainable_beside_frozen_ones():
    colour = torch.nn.Conv2d(3, 6, 3).requires_grad_(False)
    parallel = ParallelFlowConv(colour)
    trainable = [name for name, p in parallel.named_parameters() if p.requires_grad]
    assert trainable == ["flow.weight"]
