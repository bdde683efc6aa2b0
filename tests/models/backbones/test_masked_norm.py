import torch

from unmask.models.backbones.masked_norm import masked_channel_norm, normalise_speech


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


def test_speech_alone_is_scaled_and_loudness_does_not_matter():
    generator = torch.Generator().manual_seed(0)
    waveform = torch.randn(2, 4000, generator=generator)
    speech = torch.arange(4000) < torch.tensor([4000, 2500])[:, None]
    scaled = normalise_speech(waveform * 0.1 + 0.05, speech)
    torch.testing.assert_close(scaled, normalise_speech(waveform, speech), atol=1e-4, rtol=1e-4)
    for row, count in enumerate((4000, 2500)):
        assert abs(scaled[row, :count].mean()) < 1e-5
        assert abs(scaled[row, :count].var(correction=0) - 1) < 1e-4
        assert not scaled[row, count:].any()
