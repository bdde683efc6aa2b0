import pytest
import torch

from unmask.models.layers.attention import MAX_HEADS, MIN_HEAD_WIDTH, masked_softmax, num_heads


def test_heads_divide_the_width_and_are_wide_enough():
    for width in range(1, 700):
        heads = num_heads(width)
        assert width % heads == 0
        assert heads == 1 or width // heads >= MIN_HEAD_WIDTH
        assert heads <= MAX_HEADS


def test_masked_softmax_equals_softmax_over_unmasked_keys():
    scores = torch.randn(5, 7)
    mask = torch.tensor([True, False, True, True, False, False, True])
    weights = masked_softmax(scores, mask)
    torch.testing.assert_close(weights[:, mask], scores[:, mask].softmax(-1))
    assert not weights[:, ~mask].any()


def test_fully_masked_row_has_zero_weights_and_gradient():
    scores = torch.randn(2, 3, requires_grad=True)
    weights = masked_softmax(scores, torch.tensor([[False] * 3, [True] * 3]))
    assert weights.sum(1).tolist() == pytest.approx([0.0, 1.0])
    (weights * torch.randn(2, 3)).sum().backward()
    assert torch.isfinite(scores.grad).all()
    assert not scores.grad[0].any()
