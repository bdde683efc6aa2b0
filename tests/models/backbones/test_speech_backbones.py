"""Every type gives what its own model in transformers gives, in parts and with padding masked."""

import copy

import pytest
import torch
from transformers import (
    SeamlessM4TFeatureExtractor,
    Wav2Vec2FeatureExtractor,
    WhisperFeatureExtractor,
)

from tests.models.backbones.speech_models import CONFIGS, build_speech_model
from unmask.errors import ConfigError
from unmask.models.backbones.voice_encoder import VoiceEncoder

EXTRACTORS = {"wav2vec2-bert": SeamlessM4TFeatureExtractor}
SHORT_WINDOW = {"max_source_positions": 50}  # 1 s for Whisper, to test long sound quickly


def make_encoder(name, frozen_layers=0, layers="last", **changes):
    model = build_speech_model(name, **changes)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return VoiceEncoder(model, frozen_layers, out_dim=12, layers=layers).eval()


def make_noise(*lengths, seed=0):
    """Waveforms with arbitrary values as padding, and their sample masks."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    waveform = torch.randn(mask.shape, generator=generator) * 0.2
    return torch.where(mask, waveform, torch.tensor(7.7)), mask


def hidden_states(name, model, waveform):
    """Return all hidden states that transformers computes from a sound without padding."""
    if name == "whisper":
        seconds = model.config.max_source_positions / 50
        extract = WhisperFeatureExtractor(chunk_length=seconds)
    else:
        extract = EXTRACTORS.get(name, Wav2Vec2FeatureExtractor)()
    values = extract(waveform.numpy(), sampling_rate=16_000, return_tensors="pt")
    values.pop("attention_mask", None)
    return model(**values, output_hidden_states=True)


@torch.inference_mode()
@pytest.mark.parametrize("layers", ["last", "weighted"])
@pytest.mark.parametrize("frozen_layers", [0, 1, 2])
@pytest.mark.parametrize("name", CONFIGS)
def test_features_equal_those_of_transformers(name, frozen_layers, layers):
    encoder = make_encoder(
        name, frozen_layers, layers, **(SHORT_WINDOW if name == "whisper" else {})
    )
    waveform, mask = make_noise(16_000)
    output = hidden_states(name, encoder.model, waveform[0])
    hidden = output.last_hidden_state
    if layers == "weighted":
        torch.nn.init.normal_(encoder.layer_weights)
        states = torch.stack([*output.hidden_states[:-1], hidden])
        shares = encoder.layer_weights.softmax(0).view(-1, 1, 1, 1)
        assert len(states) == len(shares) == 3
        hidden = (shares * states).sum(0)
    expected = encoder.norm(encoder.project(hidden))
    got, steps = encoder(waveform, mask, mask)
    count = int(steps.sum())
    assert count in (expected.shape[1], expected.shape[1] - 1)  # the last may reach beyond the end
    torch.testing.assert_close(got[:, :count], expected[:, :count], atol=2e-3, rtol=2e-3)


@torch.inference_mode()
@pytest.mark.parametrize("layers", ["last", "weighted"])
@pytest.mark.parametrize("name", CONFIGS)
def test_padded_batch_equals_single_clips(name, layers):
    encoder = make_encoder(name, 1, layers)
    lengths = (24_000, 8100, 16_000, 560)
    waveform, mask = make_noise(*lengths)
    together, steps = encoder(waveform, mask, mask)
    for row, length in enumerate(lengths):
        alone, own_steps = encoder(*(x[row : row + 1, :length] for x in (waveform, mask, mask)))
        count = int(own_steps.sum())
        assert steps[row].sum() == count == (length - encoder.step_samples) // 320 + 1
        torch.testing.assert_close(together[row, :count], alone[0, :count], atol=2e-4, rtol=2e-4)
        assert not together[row, count:].any()


@torch.inference_mode()
@pytest.mark.parametrize("name", CONFIGS)
def test_sound_outside_of_speech_changes_no_feature(name):
    encoder = make_encoder(name)
    waveform, mask = make_noise(16_000)
    speech = mask.clone()
    speech[:, 4000:9000] = False
    other = torch.where(speech, waveform, torch.tensor(0.9))
    first, steps = encoder(waveform, mask, speech)
    assert torch.equal(first, encoder(other, mask, speech)[0])
    assert not first[~steps].any()
    assert 14 <= 48 - steps.sum() <= 18  # of 5000 samples, 320 each


@torch.inference_mode()
@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("length", [0, 1, 199])
def test_sound_shorter_than_a_step_gives_finite_features(name, length):
    encoder = make_encoder(name)
    waveform, mask = make_noise(2000, max(length, 1))
    mask[1, length:] = False
    for rows in (slice(None), slice(1, 2)):
        features, steps = encoder(waveform[rows], mask[rows], mask[rows])
        assert torch.isfinite(features).all()
        assert not steps[-1].any()
    features, _ = encoder(*(x[1:, : max(length, 1)] for x in (waveform, mask, mask)))
    assert torch.isfinite(features).all()


@pytest.mark.parametrize("name", CONFIGS)
def test_frozen_layers_get_no_gradient_and_others_do(name):
    encoder = make_encoder(name, 1, "weighted").train()
    waveform, mask = make_noise(16_000, 8000)
    waveform = (waveform * mask).requires_grad_(True)
    features, _ = encoder(waveform, mask, mask)
    features.square().sum().backward()
    learning = {name for name, p in encoder.named_parameters() if p.grad is not None}
    frozen = {id(p) for module in encoder.frozen_modules() for p in module.parameters()}
    expected = {name for name, p in encoder.named_parameters() if id(p) not in frozen}
    assert learning == expected
    assert any("layers.1." in key for key in learning)
    assert not any("layers.0." in key for key in learning)
    assert not any(module.training for module in encoder.frozen_modules())
    assert waveform.grad[mask].abs().sum() > 0  # attacks need it


@pytest.mark.parametrize("name", CONFIGS)
def test_gradient_checkpointing_changes_no_gradient(name):
    waveform, mask = make_noise(16_000, 8000)
    gradients = []
    for checkpointing in (False, True):
        encoder = make_encoder(name, hidden_dropout=0.0, attention_dropout=0.0).train()
        for module in encoder.modules():
            module.training = not isinstance(module, torch.nn.Dropout)
        if checkpointing:
            encoder.set_grad_checkpointing()
            assert any(getattr(layer, "gradient_checkpointing", 0) for layer in encoder.modules())
        encoder(waveform, mask, mask)[0].square().sum().backward()
        gradients.append({key: p.grad for key, p in encoder.named_parameters()})
    for key, gradient in gradients[0].items():
        if gradient is not None:
            torch.testing.assert_close(gradients[1][key], gradient, atol=1e-3, rtol=1e-3)


@torch.inference_mode()
@pytest.mark.parametrize("layers", ["last", "weighted"])
@pytest.mark.parametrize("name", CONFIGS)
def test_frozen_activations_can_be_shared(name, layers):
    first = make_encoder(name, 1, layers)
    second = copy.deepcopy(first)
    for part in (second.backbone.layers[1], second.project):
        for weight in part.parameters():
            torch.nn.init.normal_(weight, std=0.2)
    sound = *make_noise(9000, 4100), make_noise(9000, 4100)[1]
    trunk = first.forward_frozen(*sound)
    for encoder in (first, second, first):  # using the shared activations does not change them
        torch.testing.assert_close(encoder.forward_tuned(trunk), encoder(*sound))
    assert not torch.equal(first(*sound)[0], second(*sound)[0])


@torch.inference_mode()
def test_whisper_takes_sound_of_any_length_in_windows():
    encoder = make_encoder("whisper", 1, "weighted", **SHORT_WINDOW)
    lengths = (40_000, 20_000, 36_000)  # 2.5, 1.25 and 2.25 windows
    waveform, mask = make_noise(*lengths)
    features, steps = encoder(waveform, mask, mask)
    assert features.shape[1] == 125
    assert steps.sum(1).tolist() == [
        (length - 400) // 320 + 1 for length in (40_000, 20_000, 36_000)
    ]
    for row, length in enumerate((40_000, 20_000, 36_000)):
        alone, own = encoder(*(x[row : row + 1, :length] for x in (waveform, mask, mask)))
        count = int(own.sum())
        torch.testing.assert_close(features[row, :count], alone[0, :count], atol=2e-4, rtol=2e-4)
    # no step attends to another window, beyond which the spectrogram sees 12 ms
    later = waveform.clone()
    later[:, 17_000:] *= -0.9
    changed, _ = encoder(later, mask, mask)
    torch.testing.assert_close(changed[0, :50], features[0, :50])
    assert (changed[0, 54:] - features[0, 54:]).abs().min(1).values.max() > 1e-3


@torch.inference_mode()
def test_whisper_does_not_fill_short_sound_up_to_its_window():
    encoder = make_encoder("whisper")
    waveform, mask = make_noise(8000)
    assert encoder(waveform, mask, mask)[0].shape[1] == 25  # not 1500
    padded, wide = torch.nn.functional.pad(waveform, (0, 8000)), torch.zeros(1, 16_000).bool()
    wide[:, :8000] = True
    torch.testing.assert_close(
        encoder(padded, wide, wide)[0][:, :24],
        encoder(waveform, mask, mask)[0][:, :24],
        atol=2e-4,
        rtol=2e-4,
    )


def test_model_of_another_rate_is_refused():
    with pytest.raises(ConfigError, match="gives 100 vectors per second; use a model with 50"):
        make_encoder("wav2vec2", conv_stride=[5, 2, 2, 2, 2, 2, 1])
