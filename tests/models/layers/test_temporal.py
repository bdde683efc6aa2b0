import math

import numpy as np
import pytest
import torch

from unmask.models.frame_runs import FRAME_STEP_S, number_runs
from unmask.models.layers.frame_times import FrameTimes
from unmask.models.layers.temporal import (
    ConvEncoder,
    TransformerEncoder,
    masked_mean,
    masked_mean_odds,
    moving_average,
)

CONV = "conv"


def make_encoder(kind=CONV, dim=8):
    with torch.random.fork_rng():
        torch.manual_seed(4)
        encoder = ConvEncoder(dim, 0.0) if kind == CONV else TransformerEncoder(dim, kind, 0.0)
        for block in encoder.blocks:
            torch.nn.init.normal_(block.widen.weight)
            if kind != CONV:
                torch.nn.init.normal_(block.distance)
    return encoder.eval()


@torch.inference_mode()
@pytest.mark.parametrize("kind", [CONV, 5, 8, 10])
def test_padding_changes_nothing_and_stays_zero(kind):
    encoder = make_encoder(kind)
    x = torch.randn(2, 6, 8)
    mask = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    x[1, 4:] = 99.0
    got = encoder(x, mask)
    alone = encoder(x[1:, :4], mask[1:, :4])
    torch.testing.assert_close(got[1, :4], alone[0])
    assert not got[1, 4:].any()


@torch.inference_mode()
def test_receptive_field_of_the_convolutions_is_three_frames_each_side():
    encoder = make_encoder()
    x, mask = torch.randn(1, 12, 8), torch.ones(1, 12, dtype=torch.bool)
    moved = x.clone()
    moved[0, 5] += torch.randn(8)
    changed = (encoder(x, mask) - encoder(moved, mask)).abs().sum(-1)[0] > 1e-6
    assert changed.nonzero()[:, 0].tolist() == [2, 3, 4, 5, 6, 7, 8]


@torch.inference_mode()
@pytest.mark.parametrize(("window", "before", "after"), [(5, 2, 2), (8, 4, 3), (10, 5, 4)])
def test_attention_block_sees_exactly_its_window(window, before, after):
    block = make_encoder(window).blocks[0]
    x, mask = torch.randn(1, 30, 8), torch.ones(1, 30, dtype=torch.bool)
    moved = x.clone()
    moved[0, 15] += torch.randn(8)
    changed = (block(x, mask) - block(moved, mask)).abs().sum(-1)[0] > 1e-7
    # frames that have frame 15 at most `before` behind them or `after` ahead
    assert changed.nonzero()[:, 0].tolist() == list(range(15 - after, 15 + before + 1))


@torch.inference_mode()
@pytest.mark.parametrize("window", [5, 8])
def test_windowed_attention_equals_banded_full_attention(window):
    block = make_encoder(window, dim=128).blocks[0]
    x, frames = torch.randn(2, 13, 128), torch.arange(13)
    mask = torch.ones(2, 13, dtype=torch.bool)
    mask[1, [0, 6, 12]] = False
    offsets = frames[None] - frames[:, None] + window // 2  # from query to key
    inside = (offsets >= 0) & (offsets < window)
    bias = block.distance[:, offsets.clamp(0, window - 1)].masked_fill(~inside, -torch.inf)
    bias = bias[None].masked_fill(~mask[:, None, None], -torch.inf)
    h = block.squeeze(block.norm(x))
    parts = block.attend(block.attention_norm(h)).chunk(3, dim=-1)
    split = [part.unflatten(-1, (block.heads, -1)).transpose(1, 2) for part in parts]
    attended = torch.nn.functional.scaled_dot_product_attention(*split, attn_mask=bias)
    h = h + block.merge(attended.transpose(1, 2).flatten(2))
    h = h + block.think(h)
    expected = x + block.widen(torch.nn.functional.gelu(h))
    assert block.heads == 4
    torch.testing.assert_close(block(x, mask)[mask], expected[mask])


@torch.inference_mode()
@pytest.mark.parametrize("frames", [1, 2, 7, 40])
def test_attention_takes_any_number_of_frames(frames):
    x, mask = torch.randn(2, frames, 8), torch.ones(2, frames, dtype=torch.bool)
    mask[1] = False
    out = make_encoder(8)(x, mask)
    assert out.shape == x.shape
    assert torch.isfinite(out).all()
    assert not out[1].any()


@torch.inference_mode()
def test_attention_depends_on_the_order_of_frames():
    encoder = make_encoder(5)
    x, mask = torch.randn(1, 5, 8), torch.ones(1, 5, dtype=torch.bool)
    forth, back = encoder(x, mask), encoder(x.flip(1), mask)
    assert (forth[0, 2] - back[0, 2]).abs().max() > 1e-3


@pytest.mark.parametrize(("dim", "least", "most"), [(128, 5e4, 2e5), (2048, 5e6, 1.5e7)])
def test_transformer_size_suits_the_feature_length(dim, least, most):
    size = sum(p.numel() for p in TransformerEncoder(dim, 8, 0.0).parameters())
    assert least < size < most


def test_masked_frames_get_zero_gradient():
    encoder = make_encoder(5)
    x = torch.randn(2, 6, 8, requires_grad=True)
    mask = torch.tensor([[True] * 4 + [False] * 2, [False] * 6])
    encoder(x, mask).square().sum().backward()
    assert torch.isfinite(x.grad).all()
    assert not x.grad[~mask].any()


@torch.inference_mode()
@pytest.mark.parametrize("encoder", [ConvEncoder(8, 0.0), TransformerEncoder(8, 5, 0.0)])
def test_encoder_is_the_identity_before_training(encoder):
    encoder.eval()
    x, mask = torch.randn(1, 5, 8), torch.ones(1, 5, dtype=torch.bool)
    torch.testing.assert_close(encoder(x, mask), torch.nn.functional.layer_norm(x, (8,)))


def test_masked_mean_ignores_masked_values_and_is_zero_without_any():
    x = torch.tensor([[[1.0], [float("nan")]], [[2.0], [4.0]]])
    mask = torch.tensor([[False, False], [True, True]])
    assert masked_mean(x, mask).tolist() == [[0.0], [3.0]]


def test_mean_odds_ignore_masked_values_and_are_zero_without_any():
    logits = torch.tensor([[float("nan"), 1.0], [0.0, math.log(3)], [2.0, float("inf")]])
    mask = torch.tensor([[False, False], [True, True], [True, False]])
    assert masked_mean_odds(logits, mask).tolist() == pytest.approx([0, math.log(2), 2])


def test_a_long_genuine_rest_lowers_a_forged_stretch_by_the_logarithm_of_its_share():
    logits = torch.full((1, 170), -6.0)
    logits[0, 80:88] = 6.0
    mask = torch.ones(1, 170, dtype=torch.bool)
    assert masked_mean_odds(logits, mask).item() == pytest.approx(6 + math.log(8 / 170), abs=0.01)
    assert masked_mean(logits, mask).item() < -5


def test_mean_odds_have_finite_gradients_without_any_frame():
    logits = torch.randn(2, 3, requires_grad=True)
    mask = torch.tensor([[False] * 3, [True, True, False]])
    masked_mean_odds(logits, mask).sum().backward()
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[0].tolist() == [0, 0, 0]


def test_moving_average_counts_silence_and_the_ends_as_zero():
    logits = torch.tensor([[3.0, 6.0, float("nan"), 9.0]])
    mask = torch.tensor([[True, True, False, True]])
    assert moving_average(logits, mask, 3).tolist() == [[3.0, 3.0, 0.0, 3.0]]
    assert moving_average(logits, mask, 1).tolist() == [[3.0, 6.0, 0.0, 9.0]]


def test_moving_average_is_that_of_numpy(rng):
    logits = rng.normal(size=40).astype(np.float32)
    expected = np.convolve(logits, np.full(25, 1 / 25), "same")
    averaged = moving_average(torch.tensor(logits)[None], torch.ones(1, 40, dtype=torch.bool), 25)
    assert averaged[0].tolist() == pytest.approx(expected.tolist(), abs=1e-6)


def at(*time_s, shots=None):
    times = np.array(time_s)
    run = number_runs(times, None if shots is None else np.array(shots))
    return FrameTimes(torch.tensor(times, dtype=torch.float32)[None], torch.from_numpy(run)[None])


@torch.inference_mode()
@pytest.mark.parametrize("kind", [CONV, 5, 8, 10])
def test_on_a_regular_grid_times_change_nothing(kind):
    encoder, mask = make_encoder(kind), torch.ones(1, 20, dtype=torch.bool)
    x = torch.randn(1, 20, 8)
    times = at(*(7.3 + FRAME_STEP_S * np.arange(20)))
    torch.testing.assert_close(encoder(x, mask, times), encoder(x, mask), atol=2e-5, rtol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("kind", [CONV, 5, 8, 10])
@pytest.mark.parametrize("separation", ["gap", "cut"])
def test_nothing_is_seen_across_a_gap_or_a_cut(kind, separation):
    encoder, mask = make_encoder(kind), torch.ones(1, 10, dtype=torch.bool)
    time_s = FRAME_STEP_S * np.arange(10) + (np.arange(10) >= 5) * (separation == "gap")
    times = at(*time_s, shots=(np.arange(10) >= 5) if separation == "cut" else None)
    x = torch.randn(1, 10, 8)
    moved = torch.where(torch.arange(10)[:, None] < 5, torch.randn(1, 10, 8), x)
    got, changed = encoder(x, mask, times), encoder(moved, mask, times)
    torch.testing.assert_close(got[:, 5:], changed[:, 5:])
    assert (encoder(x, mask) - encoder(moved, mask))[:, 5].abs().max() > 1e-3
    alone = encoder(x[:, 5:], mask[:, 5:], at(*time_s[5:]))
    torch.testing.assert_close(got[:, 5:], alone, atol=2e-5, rtol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize("kind", [CONV, 8])
def test_a_missing_face_leaves_its_place_empty(kind):
    encoder, x = make_encoder(kind), torch.randn(1, 9, 8)
    mask = torch.arange(9)[None] != 4
    grid = at(*(FRAME_STEP_S * np.arange(9)))
    seen = [0, 1, 2, 3, 5, 6, 7, 8]
    got = encoder(x[:, seen], mask[:, seen], at(*(FRAME_STEP_S * np.array(seen))))
    torch.testing.assert_close(got, encoder(x, mask, grid)[:, seen], atol=2e-5, rtol=1e-5)
    assert (got - encoder(x[:, seen], mask[:, seen])).abs().max() > 1e-3  # by index, it is closed


@torch.inference_mode()
@pytest.mark.parametrize("kind", [CONV, 5, 8])
def test_with_times_padding_and_the_clock_change_nothing(kind):
    encoder = make_encoder(kind)
    x, mask = torch.randn(1, 6, 8), torch.ones(1, 6, dtype=torch.bool)
    time_s = np.array([0.0, 0.21, 0.39, 0.6, 1.6, 1.8])
    alone = encoder(x, mask, at(*time_s))
    later = encoder(x, mask, at(*(time_s + 20)))
    torch.testing.assert_close(later, alone, atol=1e-4, rtol=1e-4)
    padded = FrameTimes(*(torch.cat([part, part[:, :3] * 0], 1) for part in at(*time_s)))
    longer = torch.cat([x, torch.full((1, 3, 8), 99.0)], 1)
    got = encoder(longer, torch.arange(9)[None] < 6, padded)
    torch.testing.assert_close(got[:, :6], alone)
    assert not got[:, 6:].any()
