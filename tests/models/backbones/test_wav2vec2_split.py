"""Both halves of a split encoder equal the encoder, and share its weights."""

import pytest
import torch

from unmask.models.backbones.pretrained import voice_from_config
from unmask.models.backbones.wav2vec2_split import lower_layers, upper_layers

SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 4,
}


@pytest.fixture(params=[False, True], ids=["base", "large"])
def encoder(request):
    """An encoder of the base model, which normalises first, or of a large one, which does last."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = {**SMALL, "do_stable_layer_norm": request.param}
        if request.param:
            config["feat_extract_norm"] = "layer"
        model = voice_from_config(config).eval()
    return model.encoder


@pytest.fixture
def hidden():
    return torch.randn(2, 9, 16, generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
@pytest.mark.parametrize("layers", [1, 2, 4])
@pytest.mark.parametrize("masked", [False, True])
def test_lower_then_upper_layers_equal_the_encoder(encoder, hidden, layers, masked):
    mask = torch.arange(9) < torch.tensor([9, 5])[:, None] if masked else None
    expected = encoder(hidden.clone(), attention_mask=mask).last_hidden_state
    lower = lower_layers(encoder, layers)(hidden.clone(), attention_mask=mask).last_hidden_state
    split = upper_layers(encoder, layers)(lower, attention_mask=mask).last_hidden_state
    torch.testing.assert_close(split[:, :5], expected[:, :5])
    if not masked:
        torch.testing.assert_close(split, expected)


@torch.inference_mode()
def test_splitting_does_not_change_the_encoder(encoder, hidden):
    before = encoder(hidden.clone()).last_hidden_state
    names = [name for name, _ in encoder.named_modules()]
    lower_layers(encoder, 1)
    upper_layers(encoder, 1)
    assert [name for name, _ in encoder.named_modules()] == names
    assert torch.equal(encoder(hidden.clone()).last_hidden_state, before)


def test_both_halves_hold_the_weights_of_the_encoder(encoder):
    lower, upper = lower_layers(encoder, 1), upper_layers(encoder, 1)
    assert lower.layers[0] is encoder.layers[0]
    assert upper.layers[0] is encoder.layers[1]
    held = {id(p) for half in (lower, upper) for p in half.parameters()}
    assert held == {id(p) for p in encoder.parameters()}
