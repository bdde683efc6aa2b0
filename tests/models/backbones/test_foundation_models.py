"""CLIP, DINOv2 and DINOv3 of timm, with two layers: input, training modes, checkpointing."""

from functools import partial

import pytest
import timm
import torch

from unmask.config import ModelSettings
from unmask.models.backbones.frame_encoder import FrameEncoder
from unmask.models.cam_layer import find_cam_layer, layer_maps

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
FAMILIES = {
    "vit_base_patch16_clip_quickgelu_224": (CLIP_MEAN, 768),
    "vit_small_patch14_dinov2": (IMAGENET_MEAN, 384),
    "vit_small_patch14_reg4_dinov2": (IMAGENET_MEAN, 384),
    "vit_small_patch16_dinov3": (IMAGENET_MEAN, 384),
}
PX = 112  # 7 patches of 16 px, or 8 of 14
FACES = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def make_encoder(monkeypatch):
    """Build an encoder of two layers."""
    monkeypatch.setattr(timm, "create_model", partial(timm.create_model, depth=2))

    def make(name, trainable="all", flow=False):
        with torch.random.fork_rng():
            torch.manual_seed(1)
            return FrameEncoder(
                ModelSettings(
                    frame_backbone=name,
                    frame_weights="random",
                    input_px=PX,
                    flow=flow,
                    frame_dim=8,
                    trainable=trainable,
                    lora_rank=2,
                    lora_alpha=4.0,
                )
            )

    return make


@torch.inference_mode()
@pytest.mark.parametrize("name", FAMILIES)
def test_backbone_takes_faces_of_its_own_size_and_normalisation(make_encoder, name):
    mean, width = FAMILIES[name]
    encoder = make_encoder(name).eval()
    assert encoder.mean.flatten().tolist() == pytest.approx(mean)
    assert encoder.project.in_features == width
    small = torch.nn.functional.interpolate(FACES, (PX, PX), mode="bilinear", antialias=True)
    normalised = (small - encoder.mean) / encoder.std
    expected = encoder.project(encoder.backbone(normalised))
    torch.testing.assert_close(encoder(FACES, None), expected, atol=1e-4, rtol=1e-4)
    assert encoder(FACES, None).std() > 0


@pytest.mark.parametrize("tuned", ["all", "norms", "lora", "none"])
@pytest.mark.parametrize("name", FAMILIES)
def test_gradient_checkpointing_changes_no_gradient(make_encoder, name, tuned):
    gradients = []
    for checkpointing in (False, True):
        encoder = make_encoder(name, tuned, flow=True).train()
        encoder.backbone.set_grad_checkpointing(checkpointing)
        encoder(FACES, torch.ones(2, 2, 224, 224)).square().sum().backward()
        gradients.append({key: p.grad for key, p in encoder.named_parameters() if p.requires_grad})
    assert gradients[0]
    for key, gradient in gradients[0].items():
        if gradient is None:
            assert gradients[1][key] is None
        else:
            torch.testing.assert_close(gradients[1][key], gradient, atol=1e-4, rtol=1e-3)


@torch.inference_mode()
@pytest.mark.parametrize("name", FAMILIES)
def test_heat_maps_have_a_cell_per_patch(make_encoder, name):
    encoder = make_encoder(name).eval()
    maps = layer_maps(encoder, find_cam_layer(encoder), encoder.to_backbone_input(FACES, None))
    side = PX // encoder.backbone.patch_embed.patch_size[0]
    assert maps.shape[2:] == (side, side)
