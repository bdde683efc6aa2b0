"""Low-rank adapters start without effect, are alone trained, and vanish into the weights."""

import copy

import pytest
import timm
import torch

from unmask.config import ModelSettings
from unmask.errors import ConfigError
from unmask.models.backbones.frame_encoder import FrameEncoder
from unmask.models.backbones.lora import Adapters, add_adapters, merge_adapters

FACES = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def make_backbone(name="test_vit"):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        backbone = timm.create_model(name, num_classes=0, img_size=32).eval()
    for key, parameter in backbone.named_parameters():
        if "gamma" in key:  # layer scale, otherwise nearly 0 before training
            parameter.data.fill_(1.0)
    return backbone


def adapted(name="test_vit", seed=2):
    backbone = make_backbone(name)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        add_adapters(backbone, name, Adapters(rank=4, alpha=8.0))
    return backbone


def train_up(backbone):
    """Give the adapters an effect."""
    generator = torch.Generator().manual_seed(3)
    for key, parameter in backbone.named_parameters():
        if key.endswith(".up"):
            parameter.data.normal_(0, 0.1, generator=generator)
    return backbone


@torch.inference_mode()
def test_adapters_change_no_output_before_training():
    assert torch.equal(adapted()(FACES), make_backbone()(FACES))


@torch.inference_mode()
@pytest.mark.parametrize("name", ["test_vit", "vit_tiny_patch16_dinov3_qkvb"])
def test_merged_output_equals_unmerged(name):
    backbone = train_up(adapted(name))
    merged = copy.deepcopy(backbone)
    merge_adapters(merged)
    torch.testing.assert_close(merged(FACES), backbone(FACES), atol=1e-5, rtol=1e-4)
    plain = make_backbone(name)
    assert merged.state_dict().keys() == plain.state_dict().keys()
    assert [key for key, _ in merged.named_parameters()] == [
        key for key, _ in plain.named_parameters()
    ]
    assert not torch.allclose(merged(FACES), plain(FACES), atol=1e-3)


@torch.inference_mode()
def test_update_is_the_scaled_product_of_both_matrices():
    backbone = train_up(adapted())
    linear = backbone.blocks[0].attn.qkv
    assert (linear.down.shape, linear.up.shape) == ((4, 64), (192, 4))
    expected = make_backbone().blocks[0].attn.qkv.weight + 2.0 * linear.up @ linear.down
    torch.testing.assert_close(linear.weight, expected)


def test_exactly_the_adapters_of_attention_are_trained():
    backbone = train_up(adapted())
    backbone(FACES).square().sum().backward()
    learning = {key for key, p in backbone.named_parameters() if p.grad is not None}
    expected = {
        f"blocks.{block}.attn.{layer}.{matrix}"
        for block in range(len(backbone.blocks))
        for layer in ("qkv", "proj")
        for matrix in ("down", "up")
    }
    assert learning == expected


@pytest.mark.parametrize("name", ["swin_tiny_patch4_window7_224", "vit_small_patch14_dinov2"])
def test_attention_of_other_families_is_found(name):
    sizes = {"depths": (1, 1), "img_size": 56} if "swin" in name else {"depth": 1, "img_size": 28}
    backbone = timm.create_model(name, num_classes=0, **sizes)
    add_adapters(backbone, name, Adapters(rank=2, alpha=2.0))
    names = [key for key, p in backbone.named_parameters() if p.requires_grad]
    assert {key.split(".")[-2] for key in names} == {"qkv", "proj"}


def make_encoder(name, flow):
    settings = ModelSettings(
        frame_backbone=name,
        frame_weights="random",
        input_px=32,
        flow=flow,
        frame_dim=8,
        trainable="lora",
        lora_rank=4,
        lora_alpha=8.0,
    )
    return FrameEncoder(settings)


def test_backbone_without_attention_is_refused():
    with pytest.raises(ConfigError, match=r"resnet10t has no attention.*model\.trainable"):
        make_encoder("resnet10t", flow=False)


def test_encoder_trains_adapters_flow_kernels_and_projection():
    encoder = make_encoder("test_vit", flow=True).train()
    encoder(FACES, torch.randn(3, 2, 32, 32)).square().sum().backward()
    learning = {key for key, p in encoder.named_parameters() if p.requires_grad}
    rest = {key for key in learning if not key.endswith((".up", ".down"))}
    assert rest == {"backbone.patch_embed.proj.flow.weight", "project.weight", "project.bias"}
    assert all(dict(encoder.named_parameters())[key].grad is not None for key in learning)
