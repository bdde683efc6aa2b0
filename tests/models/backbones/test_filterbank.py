import numpy as np
import torch

from unmask.models.backbones.filterbank import init_sinc_filters


def responses(hz, bands=24):
    conv = torch.nn.Conv1d(1, 2 * bands, 160, bias=False)
    init_sinc_filters(conv)
    time_s = torch.arange(4000) / 16_000
    with torch.inference_mode():
        filtered = conv(torch.sin(2 * np.pi * hz * time_s)[None, None])[0]
    return (filtered[:bands].square() + filtered[bands:].square()).mean(1)


def test_higher_tone_excites_a_later_band():
    loudest = [int(responses(hz).argmax()) for hz in (100, 400, 1000, 2500, 6000)]
    assert loudest == sorted(set(loudest))


def test_band_energy_does_not_depend_on_phase():
    conv = torch.nn.Conv1d(1, 48, 160, bias=False)
    init_sinc_filters(conv)
    time_s = torch.arange(800) / 16_000
    strengths = []
    for phase in (0.0, 0.7, 1.9):
        with torch.inference_mode():
            filtered = conv(torch.sin(2 * np.pi * 1000 * time_s + phase)[None, None])[0]
        strengths.append((filtered[:24].square() + filtered[24:].square()).sum(0).mean())
    assert max(strengths) / min(strengths) < 1.01
