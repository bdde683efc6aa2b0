"""The target layer is a grid over the face, and gradients end there in one thread only."""

import threading
from types import SimpleNamespace

import pytest
import timm
import torch
from torch import nn

from unmask.errors import ConfigError
from unmask.explainability.cam_layer import CamLayer, detach_at_layer, find_cam_layer


def encoder_of(backbone, blocks=()):
    return SimpleNamespace(backbone=backbone, blocks=blocks)


class Pyramid(nn.Module):
    """Maps of 14, 7 and 3 cells per side, then a vector."""

    def __init__(self):
        super().__init__()
        self.large = nn.Conv2d(3, 4, 2, stride=2)
        self.medium = nn.Conv2d(4, 5, 2, stride=2)
        self.small = nn.Conv2d(5, 6, 2, stride=2)

    def forward(self, x):
        return self.small(self.medium(self.large(x))).mean((2, 3))


@pytest.fixture
def pyramid():
    return Pyramid()


@pytest.fixture
def picture():
    return torch.rand(1, 3, 28, 28, generator=torch.Generator().manual_seed(0))


def test_deepest_map_of_at_least_seven_cells_is_chosen(pyramid, picture):
    layer = find_cam_layer(encoder_of(pyramid), lambda: pyramid(picture))
    assert layer.module is pyramid.medium
    assert layer.prefix_tokens is None


def test_transformer_is_tapped_at_the_first_norm_of_its_last_block():
    backbone = timm.create_model("test_vit", pretrained=False, num_classes=0)
    layer = find_cam_layer(encoder_of(backbone), lambda: None)
    assert layer.module is backbone.blocks[-1].norm1
    assert layer.prefix_tokens == 1


def test_transformer_is_tapped_before_the_last_block_that_is_used():
    backbone = timm.create_model("test_vit", pretrained=False, num_classes=0)
    layer = find_cam_layer(encoder_of(backbone, blocks=(1, 3)), lambda: None)
    assert layer.module is backbone.blocks[-1].norm1
    assert layer.prefix_tokens == 1


def test_backbone_without_a_map_is_refused():
    backbone = nn.Linear(4, 4)
    with pytest.raises(ConfigError, match=r"analyze without evidence, or raise model\.input_px"):
        find_cam_layer(encoder_of(backbone), lambda: backbone(torch.zeros(1, 4)))


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


def test_gradients_end_at_the_layer(pyramid, picture):
    layer = find_cam_layer(encoder_of(pyramid), lambda: pyramid(picture))
    pyramid.zero_grad()
    with detach_at_layer(layer):
        pyramid(picture).sum().backward()
    assert pyramid.large.weight.grad is None
    assert pyramid.small.weight.grad is not None


def test_other_threads_are_not_affected(pyramid, picture):
    layer = find_cam_layer(encoder_of(pyramid), lambda: pyramid(picture))
    passed = []
    with detach_at_layer(layer) as tap:
        tap.register_forward_hook(lambda *_: passed.append(threading.get_ident()))
        thread = threading.Thread(target=lambda: pyramid(picture))
        thread.start()
        thread.join()
        assert passed == []
        pyramid(picture)
        assert passed == [threading.get_ident()]
    pyramid(picture)
    assert len(passed) == 1
