"""Spectral texture of a voice, and the detector's voice encoder on it."""

import numpy as np
import pytest
import torch

from unmask.models.backbones.pretrained_voice import load_voice, voice_from_config
from unmask.models.backbones.spectral_voice import spectral_texture
from unmask.models.backbones.voice_encoder import VoiceEncoder
from unmask.records import RATE_HZ

BANDS = 60


def noise(seconds=1.0, seed=0):
    samples = round(seconds * RATE_HZ)
    return torch.randn(1, samples, generator=torch.Generator().manual_seed(seed))


def texture(waveform, speech=None, windows=None):
    speech = torch.ones(waveform.shape, dtype=torch.bool) if speech is None else speech
    windows = torch.tensor([(waveform.shape[1] - 400) // 160 + 1]) if windows is None else windows
    return spectral_texture(waveform, speech, windows, BANDS)


def make_encoder():
    torch.manual_seed(0)
    return VoiceEncoder(load_voice("spectral", "pretrained"), 0, 16).eval()


def test_values_are_the_changes_of_each_band_over_time_and_frequency():
    waveform = noise()
    values, spoken = texture(waveform)
    frames = waveform[0].numpy().astype(np.float64) / waveform.square().mean().sqrt().item()
    starts = 160 * np.arange((len(frames) - 400) // 160 + 1)
    windowed = frames[starts[:, None] + np.arange(400)] * np.hanning(400)
    power = np.abs(np.fft.rfft(windowed, 512)) ** 2
    edges, bins = np.linspace(0, 8000, BANDS + 2), np.linspace(0, 8000, 257)
    filters = np.stack([np.interp(bins, edges[b : b + 3], [0, 1, 0]) for b in range(BANDS)])
    levels = np.log(power @ (filters / filters.sum(1, keepdims=True)).T + 1e-6)
    expected = np.concatenate(
        [
            np.abs(levels - levels.mean(0)),
            np.abs(np.diff(levels, axis=0, prepend=levels[:1])),
            np.abs(np.diff(levels, axis=1)),
        ],
        axis=1,
    )
    steps = len(expected) // 2
    expected = expected[: 2 * steps].reshape(steps, 2, -1).mean(1)
    np.testing.assert_allclose(values[0].numpy(), expected, atol=2e-3)
    assert spoken.all()


def test_values_do_not_depend_on_the_level():
    waveform = noise()
    torch.testing.assert_close(texture(waveform)[0], texture(waveform / 50)[0], atol=1e-3, rtol=0)


def test_a_fixed_equaliser_leaves_the_changes_over_time():
    waveform = noise(2.0)
    spectrum = torch.fft.rfft(waveform)
    gain = torch.linspace(1.0, 0.3, spectrum.shape[1])
    equalised = torch.fft.irfft(spectrum * gain, waveform.shape[1])
    over_time = slice(0, 2 * BANDS)
    change = (texture(waveform)[0] - texture(equalised)[0])[..., over_time].abs().mean()
    assert change < 0.1 * texture(waveform)[0][..., over_time].mean()


def test_silence_is_masked_and_does_not_change_the_mean_of_speech():
    speech = torch.ones(1, 2 * RATE_HZ, dtype=torch.bool)
    speech[:, RATE_HZ:] = False
    loud = torch.cat([noise(), 10 * noise(seed=1)], dim=1)
    quiet = torch.cat([noise(), torch.zeros(1, RATE_HZ)], dim=1)
    (with_loud, spoken), (with_quiet, _) = texture(loud, speech), texture(quiet, speech)
    inside = spoken[0].nonzero()[:-1, 0]  # the last window reaches beyond the speech
    torch.testing.assert_close(with_loud[0, inside], with_quiet[0, inside], atol=1e-4, rtol=1e-4)
    assert 45 <= spoken.sum() <= 50


def test_padding_in_a_batch_changes_nothing():
    encoder, waveform = make_encoder(), noise()
    alone = encoder(waveform, torch.ones(1, RATE_HZ, dtype=torch.bool), waveform.abs() >= 0)
    padded = torch.cat([torch.nn.functional.pad(waveform, (0, RATE_HZ)), noise(2.0, 1)])
    mask = torch.arange(2 * RATE_HZ) < torch.tensor([[RATE_HZ], [2 * RATE_HZ]])
    features, spoken = encoder(padded, mask, mask)
    steps = int(alone[1].sum())
    assert int(spoken[0].sum()) == steps
    torch.testing.assert_close(features[0, :steps], alone[0][0, :steps], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("speech_s", [0.0, 0.03])
def test_hardly_any_speech_is_no_error_in_training(speech_s):
    encoder = make_encoder().train()
    speech = torch.arange(RATE_HZ)[None] < speech_s * RATE_HZ
    features, spoken = encoder(noise(), torch.ones_like(speech), speech)
    assert torch.isfinite(features).all()
    assert int(spoken.sum()) <= 1


def test_running_statistics_belong_to_the_weights_of_a_bundle():
    encoder = make_encoder().train()
    mask = torch.ones(1, RATE_HZ, dtype=torch.bool)
    for seed in range(5):
        encoder(noise(seed=seed), mask, mask)
    config = encoder.model.config.to_diff_dict()
    copy = VoiceEncoder(voice_from_config(config), 0, 16).eval()
    copy.load_state_dict(encoder.state_dict())
    expected = encoder.eval()(noise(), mask, mask)[0]
    assert torch.equal(copy(noise(), mask, mask)[0], expected)
    assert not torch.equal(make_encoder()(noise(), mask, mask)[0], expected)


def test_an_attack_gets_a_gradient():
    waveform = noise().requires_grad_(True)
    mask = torch.ones(1, RATE_HZ, dtype=torch.bool)
    make_encoder()(waveform, mask, mask)[0].sum().backward()
    assert waveform.grad.abs().sum() > 0
