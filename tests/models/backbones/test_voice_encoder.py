import numpy as np
import pytest
import torch
from transformers import Wav2Vec2FeatureExtractor

from unmask.models.backbones.pretrained import voice_from_config
from unmask.models.backbones.voice_encoder import VoiceEncoder, masked_channel_norm

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}


def make_encoder(frozen_layers=0, **changes):
    with torch.random.fork_rng():
        torch.manual_seed(2)
        model = voice_from_config({**SMALL, **changes})
        return VoiceEncoder(model, frozen_layers, out_dim=12).eval()


def noise(*lengths, seed=0):
    """Waveforms with arbitrary values as padding, and their sample masks."""
    rng = np.random.default_rng(seed)
    longest = max(lengths)
    waveform = torch.full((len(lengths), longest), 7.7)
    mask = torch.zeros(len(lengths), longest, dtype=torch.bool)
    for row, length in enumerate(lengths):
        waveform[row, :length] = torch.from_numpy(rng.normal(0, 0.2, length).astype(np.float32))
        mask[row, :length] = True
    return waveform, mask


@torch.inference_mode()
@pytest.mark.parametrize("frozen_layers", [0, 2, 3])
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_encoder_equals_hugging_face_model_without_padding_and_silence(norm, frozen_layers):
    encoder = make_encoder(
        frozen_layers, feat_extract_norm=norm, do_stable_layer_norm=norm == "layer"
    )
    waveform, mask = noise(4000)
    prepare = Wav2Vec2FeatureExtractor(do_normalize=True)
    values = prepare(waveform[0].numpy(), sampling_rate=16_000, return_tensors="pt").input_values
    expected = encoder.norm(encoder.project(encoder.model(values).last_hidden_state))
    got, steps = encoder(waveform, mask, mask)
    assert steps.all()
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_masked_norm_equals_group_norm_on_each_unpadded_row():
    norm = torch.nn.GroupNorm(6, 6)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x, steps = torch.randn(3, 6, 50), torch.tensor([50, 17, 2])
    got = masked_channel_norm(x, steps, norm)
    for row, count in enumerate(steps.tolist()):
        expected = norm(x[row : row + 1, :, :count])[0]
        torch.testing.assert_close(got[row, :, :count], expected, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_padding_does_not_change_the_features():
    encoder = make_encoder()
    waveform, mask = noise(9000, 4100, 6000)
    together, steps = encoder(waveform, mask, mask)
    for row, length in enumerate((9000, 4100, 6000)):
        alone, its_steps = encoder(
            waveform[row : row + 1, :length],
            mask[row : row + 1, :length],
            mask[row : row + 1, :length],
        )
        count = its_steps.shape[1]
        assert steps[row].sum() == its_steps.sum() == (length - 400) // 320 + 1
        torch.testing.assert_close(together[row, :count], alone[0], atol=1e-4, rtol=1e-4)
        assert not together[row, count:].any()


@torch.inference_mode()
def test_samples_in_silence_do_not_change_the_features():
    encoder = make_encoder()
    waveform, mask = noise(8000)
    speech = mask.clone()
    speech[:, 2000:5000] = False
    other = waveform.clone()
    other[:, 2000:5000] = 0.9
    first, steps = encoder(waveform, mask, speech)
    second, _ = encoder(other, mask, speech)
    assert torch.equal(first, second)
    quiet = ~steps[0]
    assert quiet.any()
    assert not first[0, quiet].any()


@torch.inference_mode()
def test_loudness_does_not_change_the_features():
    encoder = make_encoder()
    waveform, mask = noise(4000)
    quiet, _ = encoder(waveform * 0.1 + 0.05, mask, mask)
    loud, _ = encoder(waveform, mask, mask)
    torch.testing.assert_close(quiet, loud, atol=1e-3, rtol=1e-3)


@torch.inference_mode()
@pytest.mark.parametrize("length", [0, 1, 199])
def test_sound_shorter_than_one_step_gives_finite_features(length):
    encoder = make_encoder()
    waveform, mask = noise(2000, max(length, 1))
    mask[1, length:] = False
    features, steps = encoder(waveform, mask, mask)
    assert torch.isfinite(features).all()
    assert not steps[1].any()
    assert not features[1].any()


def test_frozen_layers_get_no_gradient():
    encoder = make_encoder(frozen_layers=2).train()
    waveform, mask = noise(4000)
    features, _ = encoder(waveform, mask, mask)
    features.square().sum().backward()
    learning = {name for name, p in encoder.named_parameters() if p.grad is not None}
    model = encoder.model
    expected = {
        f"model.encoder.layers.2.{name}" for name, _ in model.encoder.layers[2].named_parameters()
    }
    expected |= {"project.weight", "project.bias", "norm.weight", "norm.bias"}
    assert learning == expected
    assert not any(layer.training for layer in model.encoder.layers[:2])
    assert model.encoder.layers[2].training


def test_gradients_pass_through_frozen_layers_to_the_sound():
    encoder = make_encoder(frozen_layers=3)
    waveform, mask = noise(4000)
    waveform.requires_grad_(True)
    encoder(waveform, mask, mask)[0].sum().backward()
    assert waveform.grad.abs().sum() > 0


@torch.inference_mode()
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_frozen_activations_can_be_shared(norm):
    stable = {"feat_extract_norm": norm, "do_stable_layer_norm": norm == "layer"}
    first, second = make_encoder(2, **stable), make_encoder(2, **stable)
    for part in (*second.model.encoder.layers[2:], second.project):
        for weight in part.parameters():
            torch.nn.init.normal_(weight, std=0.2)
    waveform, mask = noise(9000, 4100)
    trunk = first.forward_frozen(waveform, mask, mask)
    for encoder in (first, second, first):  # using the shared activations does not change them
        torch.testing.assert_close(encoder.forward_tuned(trunk), encoder(waveform, mask, mask))
    assert not torch.allclose(
        first.forward_tuned(trunk)[0], second.forward_tuned(trunk)[0], atol=0.1
    )
