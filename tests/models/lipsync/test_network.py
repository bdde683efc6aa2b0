"""Embeddings have unit length, are invariant to appearance and loudness, and shift with time."""

import numpy as np
import pytest
import torch

from unmask.models.backbones.filterbank import mel_filterbank
from unmask.models.lipsync.network import SyncNet
from unmask.models.lipsync.windows import WINDOW_TICKS


def test_each_window_has_a_unit_embedding(net, rng):
    mouths = torch.from_numpy(rng.integers(0, 255, (2, 40, 48, 48)).astype(np.uint8))
    sound = torch.from_numpy(rng.normal(0, 1, (2, 40 * 640)).astype(np.float32))
    lips, speech = net.embed_mouths(mouths), net.embed_audio(sound)
    assert lips.shape == speech.shape == (2, 40 - WINDOW_TICKS + 1, 16)
    assert torch.allclose(lips.norm(dim=2), torch.ones(2, 28), atol=1e-5)
    assert torch.allclose(speech.norm(dim=2), torch.ones(2, 28), atol=1e-5)


def test_embedding_ignores_loudness(net, make_noise):
    sound = torch.from_numpy(make_noise(2.0))[None]
    assert torch.allclose(net.embed_audio(sound), net.embed_audio(0.1 * sound), atol=1e-3)


def test_embedding_ignores_brightness_and_contrast(net, rng):
    mouths = torch.from_numpy(rng.integers(60, 160, (1, 20, 48, 48)).astype(np.float32))
    assert torch.allclose(net.embed_mouths(mouths), net.embed_mouths(mouths * 1.4 + 20), atol=1e-3)


def test_delayed_sound_gives_delayed_embeddings(net, make_noise):
    """The first and last windows include the ends of the sound; those between do not."""
    sound = torch.from_numpy(make_noise(4.0))[None]
    delayed = torch.cat([sound[:, -5 * 640 :], sound[:, : -5 * 640]], dim=1)
    before, after = net.embed_audio(sound)[0], net.embed_audio(delayed)[0]
    assert torch.allclose(before[5:70], after[10:75], atol=0.02)


def seconds(rng, length):
    mouths = torch.from_numpy(rng.integers(0, 255, (1, length * 25, 12, 12)).astype(np.uint8))
    sound = torch.from_numpy(rng.normal(0, 1, (1, length * 16_000)).astype(np.float32))
    return mouths, sound


def test_what_is_further_than_four_seconds_away_changes_no_embedding(net, rng):
    mouths, sound = seconds(rng, 8)
    loud, bright = sound.clone(), mouths.clone()
    loud[:, : 2 * 16_000] *= 50  # of the first two seconds
    bright[:, : 2 * 25] = 255
    for embed, before, after in (
        (net.embed_audio, sound, loud),
        (net.embed_mouths, mouths, bright),
    ):
        own, changed = embed(before)[0], embed(after)[0]
        # of windows that begin 4 s after the change; a spectrum reaches 16 ms back
        far = slice(2 * 25 + 100 + 1, None)
        torch.testing.assert_close(own[far], changed[far], atol=1e-4, rtol=1e-4)
        assert (own[60:90] - changed[60:90]).abs().max() > 1e-3


def test_networks_of_before_normalise_over_the_whole_span(net, rng):
    older = SyncNet.from_config({"dim": 16, "rate_hz": 25.0}).eval()
    older.load_state_dict(net.state_dict())
    assert older.norm_s is None
    mouths, sound = seconds(rng, 8)
    for name, values in (("embed_mouths", mouths), ("embed_audio", sound)):
        whole = getattr(older, name)(values)
        assert (whole - getattr(net, name)(values)).abs().max() > 1e-3
    short, quiet = mouths[:, :51], sound[:, : 51 * 640]
    torch.testing.assert_close(older.embed_audio(quiet), net.embed_audio(quiet), atol=1e-3, rtol=0)
    # the sample standard deviation of 51 crops is larger by a factor of 1 + 7e-5
    torch.testing.assert_close(
        older.embed_mouths(short), net.embed_mouths(short), atol=1e-3, rtol=0
    )


def test_mel_bands_cover_their_frequency_range():
    bands = mel_filterbank(40, 512)
    assert bands.sum(axis=1) == pytest.approx(1)
    inner = slice(4, 240)
    assert (bands[:, inner].sum(axis=0) > 0).all()
    assert (np.diff(bands.argmax(axis=1)) >= 0).all()


def test_network_from_config_has_the_same_architecture(net):
    other = SyncNet.from_config(net.config)
    assert other.config == net.config == {"dim": 16, "rate_hz": 25.0, "norm_s": 4.0}
    other.load_state_dict(net.state_dict())


def test_names_of_saved_weights_are_stable(net):
    """Renaming a module would make saved networks unreadable."""
    modules = {name.split(".")[0] for name in net.state_dict()}
    assert modules == {
        *("mouth", "mouth_time", "sound", "sound_time"),
        *("log_scale", "mapping"),
    }
