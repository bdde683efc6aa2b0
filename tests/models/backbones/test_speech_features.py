"""Features equal those of the models' own feature extractors, row by row."""

import numpy as np
import pytest
import torch
from transformers import SeamlessM4TFeatureExtractor, WhisperFeatureExtractor

from unmask.models.backbones.speech_features import kaldi_filterbank, whisper_log_mel


@pytest.fixture
def voice(synthesise_voice):
    return synthesise_voice(1.003)  # no whole number of frames


@torch.inference_mode()
@pytest.mark.parametrize("bands", [80, 128])
def test_log_mel_equals_that_of_whisper(voice, bands):
    extract = WhisperFeatureExtractor(feature_size=bands)
    expected = torch.from_numpy(extract(voice, sampling_rate=16_000)["input_features"][0])
    frames = len(voice) // 160
    got = whisper_log_mel(torch.from_numpy(voice)[None], torch.tensor([frames]), bands)[0]
    torch.testing.assert_close(got, expected[:, :frames], atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_filter_bank_equals_that_of_w2v_bert(voice):
    extract = SeamlessM4TFeatureExtractor()
    expected = torch.from_numpy(extract(voice, sampling_rate=16_000)["input_features"][0])
    waveform = torch.from_numpy(voice)[None]
    everything = torch.ones_like(waveform, dtype=torch.bool)
    got = kaldi_filterbank(waveform, everything, torch.tensor([98]), 80)[0]
    pairs = got[: len(got) // 2 * 2].reshape(-1, 160)
    torch.testing.assert_close(pairs, expected, atol=2e-3, rtol=1e-3)


@torch.inference_mode()
def test_padding_changes_no_feature(voice):
    short = torch.from_numpy(voice)
    waveform = torch.zeros(2, 24_000)
    waveform[0, : len(short)] = short
    waveform[1] = torch.from_numpy(np.random.default_rng(0).normal(0, 1, 24_000)).float()
    mask = torch.arange(24_000) < torch.tensor([len(short), 24_000])[:, None]
    frames = mask.sum(1) // 160
    together = whisper_log_mel(waveform, frames, 80)[0]
    alone = whisper_log_mel(short[None], frames[:1], 80)[0]
    torch.testing.assert_close(together[:, : frames[0]], alone)
    assert not together[:, frames[0] :].any()
    frames = (mask.sum(1) - 400) // 160 + 1
    together = kaldi_filterbank(waveform, mask, frames, 80)[0]
    alone = kaldi_filterbank(short[None], mask[:1, : len(short)], frames[:1], 80)[0]
    assert not together[frames[0] :].any()
    torch.testing.assert_close(together[: len(alone)], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["whisper", "kaldi"])
def test_sound_gets_a_finite_gradient_even_in_silence(voice, kind):
    waveform = torch.from_numpy(voice)[None].clone()
    waveform[:, 4000:9000] = 0.0
    waveform.requires_grad_(True)
    if kind == "whisper":
        features = whisper_log_mel(waveform, torch.tensor([len(voice) // 160]), 80)
    else:
        features = kaldi_filterbank(waveform, waveform.detach() != 0, torch.tensor([98]), 80)
    features.square().sum().backward()
    assert torch.isfinite(waveform.grad).all()
    assert waveform.grad.abs().sum() > 0
