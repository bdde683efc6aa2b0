import torch

from unmask.models.temporal import ConvEncoder, masked_mean


def an_encoder(dim=8):
    with torch.random.fork_rng():
        torch.manual_seed(4)
        encoder = ConvEncoder(dim, dropout=0.0)
        for block in encoder.blocks:
            torch.nn.init.normal_(block.widen.weight)
    return encoder.eval()


@torch.inference_mode()
def test_padding_changes_nothing_and_comes_out_as_zero():
    encoder = an_encoder()
    x = torch.randn(2, 6, 8)
    mask = torch.tensor([[True] * 6, [True] * 4 + [False] * 2])
    x[1, 4:] = 99.0
    got = encoder(x, mask)
    alone = encoder(x[1:, :4], mask[1:, :4])
    torch.testing.assert_close(got[1, :4], alone[0])
    assert not got[1, 4:].any()


@torch.inference_mode()
def test_a_frame_is_told_apart_by_its_neighbours_up_to_three_away_and_no_further():
    encoder = an_encoder()
    x, mask = torch.randn(1, 12, 8), torch.ones(1, 12, dtype=torch.bool)
    moved = x.clone()
    moved[0, 5] += torch.randn(8)
    changed = (encoder(x, mask) - encoder(moved, mask)).abs().sum(-1)[0] > 1e-6
    assert changed.nonzero()[:, 0].tolist() == [2, 3, 4, 5, 6, 7, 8]


@torch.inference_mode()
def test_before_training_each_frame_stands_for_itself():
    encoder = ConvEncoder(8, dropout=0.0).eval()
    x, mask = torch.randn(1, 5, 8), torch.ones(1, 5, dtype=torch.bool)
    torch.testing.assert_close(encoder(x, mask), torch.nn.functional.layer_norm(x, (8,)))


def test_the_mean_of_nothing_is_zero_and_garbage_outside_the_mask_does_not_count():
    x = torch.tensor([[[1.0], [float("nan")]], [[2.0], [4.0]]])
    mask = torch.tensor([[False, False], [True, True]])
    assert masked_mean(x, mask).tolist() == [[0.0], [3.0]]
