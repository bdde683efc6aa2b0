import numpy as np
import pytest
import torch
from scipy.fft import dctn, idctn

from unmask.robustness.codec_surrogate import CodecDraw, draw_codec, simulate_codec

GREY = torch.arange(24.0 * 16).reshape(1, 1, 24, 16).remainder(97).expand(1, 3, 24, 16) + 50


def test_grey_blocks_are_quantised_as_by_scipy():
    step = 20.0
    blocks = GREY[0, 0].numpy().reshape(3, 8, 2, 8).transpose(0, 2, 1, 3)
    levels = dctn(blocks, axes=(2, 3), norm="ortho") / step
    expected = idctn(np.round(levels) * step, axes=(2, 3), norm="ortho")
    expected = expected.transpose(0, 2, 1, 3).reshape(24, 16).clip(0, 255)
    decoded = simulate_codec(GREY, CodecDraw(step))
    assert np.abs(decoded[0, 1].numpy() - expected).max() <= 0.51  # rounded to whole levels
    assert not torch.equal(decoded, GREY)


@pytest.mark.parametrize("scale", [1.0, 0.8])
@pytest.mark.parametrize("size", [(24, 16), (23, 17)])
def test_any_size_gets_whole_levels_and_a_gradient(size, scale):
    frames = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) * 255
    frames.requires_grad_()
    draw = CodecDraw(12.0, 1 / 3, 4, (3, 1), scale)
    decoded = simulate_codec(frames, draw)
    assert decoded.shape == frames.shape
    assert torch.equal(decoded, decoded.round())
    assert decoded.min() >= 0
    assert decoded.max() <= 255
    decoded.sum().backward()
    assert (frames.grad != 0).float().mean() > 0.9


def test_chroma_has_half_the_resolution():
    stripes = torch.full((1, 3, 8, 8), 128.0)
    stripes[:, 0, :, ::2] += 40  # reddish and bluish columns
    stripes[:, 2, :, 1::2] += 40
    decoded = simulate_codec(stripes, CodecDraw(0.01))
    chroma = decoded[:, 0] - decoded[:, 1]
    assert float((chroma[..., 3] - chroma[..., 4]).abs().max()) <= 2  # they were 40 apart


def test_a_coarse_codec_loses_more_than_a_fine_one():
    def loss(step):
        return float((simulate_codec(GREY, CodecDraw(step)) - GREY).abs().mean())

    assert loss(1.0) < loss(10.0) < loss(40.0)


def test_draws_are_those_of_their_seed():
    first, second = (draw_codec(torch.Generator().manual_seed(3)) for _ in range(2))
    generator = torch.Generator().manual_seed(3)
    draws = [draw_codec(generator) for _ in range(50)]
    assert first == second == draws[0]
    assert {draw.block_px for draw in draws} == {4, 8}
    assert all(4.0 <= draw.step <= 2 ** (26 / 6) for draw in draws)
    assert all(0.75 <= draw.scale <= 1 for draw in draws)
