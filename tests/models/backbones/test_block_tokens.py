"""Frames are described by the tokens behind some blocks, and the blocks above them are gone."""

import pytest
import timm
import torch

from unmask.config import ModelSettings
from unmask.errors import ConfigError
from unmask.models.backbones.block_tokens import block_tokens, keep_blocks
from unmask.models.backbones.frame_encoder import FrameEncoder
from unmask.models.cam_layer import find_cam_layer

PX, WIDTH = 32, 64  # of test_vit


@pytest.fixture
def pixels():
    return torch.randn(3, 3, PX, PX, generator=torch.Generator().manual_seed(0))


def make_vit():
    torch.manual_seed(0)
    return timm.create_model("test_vit", pretrained=False, num_classes=0, img_size=PX).eval()


def make_encoder(**changes):
    chosen = {"frame_backbone": "test_vit", "frame_blocks": [2, 4], "trainable": "none", **changes}
    torch.manual_seed(0)
    settings = ModelSettings(frame_weights="random", input_px=PX, frame_dim=8, **chosen)
    return FrameEncoder(settings)


def token_behind(vit, pixels, block):
    """Run the blocks by hand; return the class token."""
    x = vit.norm_pre(vit._pos_embed(vit.patch_embed(pixels)))
    for layer in vit.blocks[:block]:
        x = layer(x)
    return x[:, 0]


@torch.inference_mode()
def test_features_are_the_class_tokens_behind_each_block(pixels):
    vit = make_vit()
    expected = torch.cat([token_behind(vit, pixels, block) for block in (2, 5)], dim=1)
    torch.testing.assert_close(block_tokens(vit, pixels, (2, 5)), expected)


@torch.inference_mode()
def test_removed_blocks_do_not_change_the_tokens(pixels):
    vit = make_vit()
    expected = block_tokens(vit, pixels, (1, 3))
    keep_blocks(vit, (1, 3))
    assert len(vit.blocks) == 3
    torch.testing.assert_close(block_tokens(vit, pixels, (1, 3)), expected)


def test_order_of_the_blocks_is_that_of_the_network(pixels):
    encoder = make_encoder(frame_blocks=[2, 4])
    assert encoder.width == 2 * WIDTH
    assert encoder.extract(pixels, None).shape == (3, encoder.width)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame_blocks": [7]}, r"names block 7.*has 6; use at most 6"),
        ({"frame_backbone": "resnet10t"}, r"no vision transformer.*model\.frame_blocks to \[\]"),
    ],
)
def test_blocks_that_do_not_exist_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        make_encoder(**changes)


@pytest.mark.parametrize("blocks", [[4, 2], [2, 2]])
def test_unordered_blocks_are_refused(blocks):
    with pytest.raises(ValueError, match="ascending"):
        ModelSettings(frame_blocks=blocks)


def test_a_frozen_backbone_gets_no_gradient_and_stays_in_evaluation_mode(pixels):
    encoder = make_encoder().train()
    assert not encoder.backbone.training
    assert encoder.project.training
    pixels.requires_grad_(True)
    encoder(pixels, None).square().sum().backward()
    assert {name for name, p in encoder.named_parameters() if p.requires_grad} == {
        "project.weight",
        "project.bias",
    }
    assert pixels.grad.abs().sum() > 0  # attacks still pass through it


def test_features_are_standardised_before_they_are_projected(pixels):
    encoder = make_encoder().train()
    features = encoder.extract(pixels, None)
    for _ in range(300):  # until the running statistics are those of the three pictures
        projected = encoder.project_features(features)
    standard = (features - features.mean(0)) / (features.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(projected, encoder.project(standard), atol=1e-4, rtol=1e-3)
    at_rest = (features - features.mean(0)) / (features.var(0) + 1e-5).sqrt()
    expected = encoder.project(at_rest)
    torch.testing.assert_close(encoder.eval()(pixels, None), expected, atol=1e-2, rtol=1e-2)


def test_fitted_standardisation_does_not_change_with_the_batch(pixels):
    encoder = make_encoder().train()
    features = encoder.extract(pixels, None)
    encoder.fit_standardisation(features)
    expected = encoder.project((features - features.mean(0)) / (features.var(0) + 1e-5).sqrt())
    for _ in range(2):
        projected = encoder.train().project_features(features)
        torch.testing.assert_close(projected, expected, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(projected[:1], encoder.project_features(features[:1]))


def test_gradients_of_the_score_reach_the_patches_of_the_last_block(pixels):
    encoder = make_encoder().eval()
    layer, outputs = find_cam_layer(encoder), []
    module = encoder.backbone.get_submodule(layer.name)
    module.register_forward_hook(lambda _module, _args, out: outputs.append(out))
    features = encoder(pixels.requires_grad_(), None)
    (gradient,) = torch.autograd.grad(features.sum(), outputs)
    assert layer.to_grid(gradient).shape == (3, WIDTH, 2, 2)
    assert layer.to_grid(gradient).abs().sum() > 0
