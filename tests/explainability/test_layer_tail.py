"""The tail of a backbone gives what the whole backbone gives with a replaced map."""

import pytest
import timm
import torch

from tests.factories import make_model_settings
from unmask.explainability import layer_tail
from unmask.explainability.layer_tail import LayerTail
from unmask.models.backbones.frame_encoder import FrameEncoder
from unmask.models.cam_layer import CamLayer, find_cam_layer

BACKBONES = [
    {"frame_backbone": "residual_tiny"},
    {"frame_backbone": "efficientnet_b0", "flow": True},
    {"frame_backbone": "test_resnet"},
    {"frame_backbone": "densenet121"},  # later layers join earlier outputs
    {"frame_backbone": "vit_tiny_patch16_224"},
    {"frame_backbone": "vit_tiny_patch16_224", "frame_blocks": (3, 9)},
]


def make_encoder(changes):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return FrameEncoder(make_model_settings(input_px=224, **changes)).eval()


def make_face(encoder):
    generator = torch.Generator().manual_seed(1)
    flow = torch.rand(1, 2, 224, 224, generator=generator) if encoder.has_flow else None
    return encoder.to_backbone_input(torch.rand(1, 3, 224, 224, generator=generator), flow)


def whole(encoder, layer, x, factor):
    """Run the whole backbone with the layer's map times ``factor``."""
    module = encoder.backbone.get_submodule(layer.name)
    handle = module.register_forward_hook(
        lambda _module, _args, out: layer.from_grid(factor * layer.to_grid(out), out)
    )
    features = encoder.project_features(encoder.run(encoder.backbone, x))
    handle.remove()
    return features


@pytest.mark.parametrize(
    "changes", BACKBONES, ids=lambda changes: "-".join(map(str, changes.values()))
)
@torch.no_grad()
def test_tail_equals_the_whole_backbone(changes):
    encoder = make_encoder(changes)
    layer, x = find_cam_layer(encoder), make_face(encoder)
    tail = LayerTail(encoder, layer, x)
    features = tail.features(torch.cat([tail.grid, 0.5 * tail.grid]))
    torch.testing.assert_close(features[0, None], whole(encoder, layer, x, 1.0))
    torch.testing.assert_close(features[1, None], whole(encoder, layer, x, 0.5))


def runs_of(tail, kind):
    """Return a list that modules of a kind are added to when they run."""
    ran = []
    for module in tail._backbone.modules():
        if isinstance(module, kind):
            module.register_forward_hook(lambda module, _args, _out: ran.append(module))
    return ran


@torch.no_grad()
def test_layers_before_are_not_run_again():
    encoder = make_encoder({"frame_backbone": "vit_tiny_patch16_224"})
    tail = LayerTail(encoder, find_cam_layer(encoder), make_face(encoder))
    ran = runs_of(tail, timm.layers.Mlp)
    tail.features(tail.grid)
    assert ran == [tail._backbone.blocks[-1].mlp]


@torch.no_grad()
def test_last_block_computes_the_patches_only_where_they_are_used():
    widths = {}
    for pool in ("token", "avg"):
        encoder = make_encoder({"frame_backbone": "vit_tiny_patch16_224"})
        encoder.backbone.global_pool = pool
        tail = LayerTail(encoder, find_cam_layer(encoder), make_face(encoder))
        tail._backbone.blocks[-1].mlp.fc1.register_forward_hook(
            lambda _module, args, _out, pool=pool: widths.__setitem__(pool, args[0].shape[1])
        )
        tail.features(tail.grid)
    assert widths == {"token": 1, "avg": 197}


def test_gradients_reach_the_map_alone():
    encoder = make_encoder({"frame_backbone": "residual_tiny"})
    tail = LayerTail(encoder, find_cam_layer(encoder), make_face(encoder))
    grid = tail.grid.clone().requires_grad_(True)
    tail.features(grid).sum().backward()
    assert grid.grad.abs().sum() > 0
    assert encoder.backbone.blocks[1][0].weight.grad is None


class TwiceCalled(torch.nn.Module):
    """A backbone whose first layer also depends on how often it has been run."""

    def __init__(self):
        super().__init__()
        self.first, self.layer = torch.nn.Conv2d(3, 3, 1), torch.nn.Conv2d(3, 3, 16, stride=16)

    def forward(self, x):
        return self.layer(self.first(x)).mean((2, 3)) + self.first(x + 1).mean((2, 3))


@torch.no_grad()
def test_module_that_runs_before_and_after_the_layer_runs_again():
    encoder = make_encoder({"frame_backbone": "residual_tiny"})
    encoder.backbone, encoder.project = TwiceCalled(), torch.nn.Identity()
    x = make_face(encoder)
    tail = LayerTail(encoder, CamLayer("layer"), x)
    torch.testing.assert_close(tail.features(tail.grid), encoder.backbone(x))


@torch.no_grad()
def test_backbone_whose_tail_differs_is_run_whole(monkeypatch):
    monkeypatch.setattr(layer_tail, "TOLERANCE", -1.0)  # nothing agrees
    encoder = make_encoder({"frame_backbone": "residual_tiny"})
    tail = LayerTail(encoder, find_cam_layer(encoder), make_face(encoder))
    ran = runs_of(tail, torch.nn.BatchNorm2d)
    torch.testing.assert_close(
        tail.features(tail.grid), whole(encoder, find_cam_layer(encoder), make_face(encoder), 1.0)
    )
    assert len(ran) == 3  # one before the layer, two after it
