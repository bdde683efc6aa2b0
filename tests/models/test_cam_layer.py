"""The layer of heat maps is a grid over the face, and its maps are read without side effects."""

import threading

import pytest
import torch
from torch import nn

from tests.factories import make_model_settings
from unmask.errors import ConfigError
from unmask.models.backbones.frame_encoder import FrameEncoder
from unmask.models.cam_layer import CamLayer, find_cam_layer, layer_maps


class Pyramid(nn.Module):
    """Maps of 28, 14 and 7 cells per side, then a vector."""

    def __init__(self):
        super().__init__()
        self.large = nn.Conv2d(3, 4, 2, stride=2)
        self.medium = nn.Conv2d(4, 5, 2, stride=2)
        self.small = nn.Conv2d(5, 6, 2, stride=2)
        self.attention = nn.Conv2d(6, 1, (1, 7))  # its map is no square

    def forward(self, x):
        small = self.small(self.medium(self.large(x)))
        return (small * self.attention(small)).mean((2, 3))


@pytest.fixture
def make_encoder():
    def make(backbone=None, **changes):
        encoder = FrameEncoder(make_model_settings(**changes)).eval()
        encoder.backbone = backbone or encoder.backbone
        return encoder

    return make


@pytest.fixture
def pyramid(make_encoder):
    return make_encoder(Pyramid(), input_px=56)


def test_deepest_map_of_at_least_fourteen_cells_is_chosen(pyramid):
    assert find_cam_layer(pyramid) == CamLayer("medium")


def test_transformer_is_tapped_at_the_first_norm_of_its_last_block(make_encoder):
    encoder = make_encoder(frame_backbone="test_vit", input_px=160)
    last = len(encoder.backbone.blocks) - 1
    assert find_cam_layer(encoder) == CamLayer(f"blocks.{last}.norm1", prefix_tokens=1)


def test_transformer_is_tapped_before_the_last_block_that_is_used(make_encoder):
    encoder = make_encoder(frame_backbone="test_vit", input_px=160, frame_blocks=(1, 3))
    assert find_cam_layer(encoder) == CamLayer("blocks.2.norm1", prefix_tokens=1)


def test_map_of_a_swin_transformer_is_one_of_the_face_and_not_of_attention(make_encoder):
    encoder = make_encoder(frame_backbone="swin_tiny_patch4_window7_224", input_px=224)
    layer = find_cam_layer(encoder)
    maps = layer_maps(encoder, layer, encoder.example_input())
    assert layer.channels_last
    assert maps.shape[2:] == (14, 14)


def test_backbone_without_a_map_is_refused(make_encoder):
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 56 * 56, 4))
    with pytest.raises(ConfigError, match=r"analyze without evidence, or raise model\.input_px"):
        find_cam_layer(make_encoder(flat, input_px=56))


@pytest.mark.parametrize(
    ("layer", "shape", "grid_shape"),
    [
        (CamLayer(nn.Identity()), (2, 8, 7, 7), (2, 8, 7, 7)),
        (CamLayer(nn.Identity(), channels_last=True), (2, 7, 7, 8), (2, 8, 7, 7)),
        (CamLayer(nn.Identity(), prefix_tokens=1), (2, 50, 8), (2, 8, 7, 7)),
    ],
)
def test_grid_is_extracted_and_put_back(layer, shape, grid_shape):
    out = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    grid = layer.to_grid(out)
    assert grid.shape == grid_shape
    torch.testing.assert_close(layer.from_grid(grid, out), out)
    doubled = layer.from_grid(2 * grid, out)
    torch.testing.assert_close(layer.to_grid(doubled), 2 * grid)


def test_tokens_are_laid_out_row_by_row():
    layer = CamLayer(nn.Identity(), prefix_tokens=1)
    out = torch.arange(10.0)[None, :, None]  # a prefix token, then nine patches
    assert layer.to_grid(out)[0, 0].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]


def test_prefix_tokens_are_those_of_the_one_face_that_all_maps_share():
    layer = CamLayer("any", prefix_tokens=1)
    out, grids = torch.randn(1, 10, 2), torch.zeros(3, 2, 3, 3)
    joined = layer.from_grid(grids, out)
    assert joined.shape == (3, 10, 2)
    assert torch.equal(joined[2, 0], out[0, 0])
    assert not joined[:, 1:].any()


@torch.no_grad()
def test_maps_are_the_outputs_of_the_layer(pyramid):
    x = torch.rand(2, 3, 56, 56)
    expected = pyramid.backbone.medium(pyramid.backbone.large(x))
    assert torch.equal(layer_maps(pyramid, CamLayer("medium"), x), expected)


def test_maps_of_other_threads_are_not_mixed_in(pyramid):
    faces = [torch.full((1, 3, 56, 56), level) for level in (0.0, 0.5, 1.0)]
    expected = [layer_maps(pyramid, CamLayer("medium"), x) for x in faces]
    got = [None] * len(faces)

    def read(number):
        for _ in range(20):
            got[number] = layer_maps(pyramid, CamLayer("medium"), faces[number])

    threads = [threading.Thread(target=read, args=(number,)) for number in range(len(faces))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(*pair) for pair in zip(got, expected, strict=True))
    assert not pyramid.backbone.medium._forward_hooks
