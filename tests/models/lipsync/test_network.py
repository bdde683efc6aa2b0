from copy import deepcopy

import numpy as np
import pytest
import torch

from unmask.errors import WeightsError
from unmask.models.backbones.filterbank import mel_filterbank
from unmask.models.lipsync.checkpoint import load_sync, save_sync
from unmask.models.lipsync.network import WINDOW_TICKS, SyncNet
from unmask.models.lipsync.scoring import embed_lips, embed_speech, similarity_by_shift, sync_score
from unmask.records import MouthCrops


@pytest.fixture(scope="module")
def net():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return SyncNet(dim=16).eval()


def some_lips(rng, ticks, first=0):
    mouths = rng.integers(0, 255, (len(ticks), 48, 48)).astype(np.uint8)
    return MouthCrops(
        mouths, (np.array(ticks) + first) / 25, np.zeros(len(ticks), np.float32), 25.0
    )


def noise(rng, seconds):
    return rng.normal(0, 0.1, round(seconds * 16_000)).astype(np.float32)


def test_each_window_has_a_vector_of_length_one(net, rng):
    mouths = torch.from_numpy(rng.integers(0, 255, (2, 40, 48, 48)).astype(np.uint8))
    seen, heard = net.embed_mouths(mouths), net.embed_audio(torch.randn(2, 40 * 640))
    assert seen.shape == heard.shape == (2, 40 - WINDOW_TICKS + 1, 16)
    assert torch.allclose(seen.norm(dim=2), torch.ones(2, 28), atol=1e-5)


def test_loudness_and_a_constant_colour_of_the_sound_are_not_heard(net, rng):
    sound = torch.from_numpy(noise(rng, 2.0))[None]
    assert torch.allclose(net.embed_audio(sound), net.embed_audio(0.1 * sound), atol=1e-3)


def test_brightness_and_contrast_of_the_mouth_are_not_seen(net, rng):
    mouths = torch.from_numpy(rng.integers(60, 160, (1, 20, 48, 48)).astype(np.float32))
    assert torch.allclose(net.embed_mouths(mouths), net.embed_mouths(mouths * 1.4 + 20), atol=1e-3)


def test_sound_that_comes_later_gives_the_same_vectors_later(net, rng):
    """The first and last windows see the ends of the sound; those between do not."""
    sound = torch.from_numpy(noise(rng, 4.0))[None]
    late = torch.cat([sound[:, -5 * 640 :], sound[:, : -5 * 640]], dim=1)
    one, other = net.embed_audio(sound)[0], net.embed_audio(late)[0]
    assert torch.allclose(one[5:70], other[10:75], atol=0.02)


def test_the_bands_cover_all_that_is_between_their_ends():
    bands = mel_filterbank(40, 512)
    assert bands.sum(axis=1) == pytest.approx(1)
    inner = slice(4, 240)
    assert (bands[:, inner].sum(axis=0) > 0).all()
    assert (np.diff(bands.argmax(axis=1)) >= 0).all()


def test_agreement_compares_the_window_with_the_sound_that_much_later(net, rng):
    """Against a slow definition."""
    seen = embed_lips(net, some_lips(rng, range(60)))
    heard = embed_speech(net, noise(rng, 2.8), np.ones(44_800, bool))
    agreed = similarity_by_shift(seen, heard)
    for tick in range(60):
        for shift in range(-15, 16):
            there = 0 <= tick + shift < len(heard.vectors)
            wanted = seen.vectors[tick] @ heard.vectors[tick + shift] if there else np.nan
            assert agreed.similarity[tick, shift + 15] == pytest.approx(wanted, nan_ok=True)


def test_lips_with_a_gap_are_seen_in_the_runs_on_either_side(net, rng):
    ticks = [*range(20), *range(30, 50), *range(60, 65)]
    seen = embed_lips(net, some_lips(rng, ticks))
    known = np.flatnonzero(np.isfinite(seen.vectors[:, 0]))
    assert known.tolist() == [*range(6, 14), *range(36, 44)]


def test_what_cannot_be_judged_is_not(net, rng):
    lips, sound = some_lips(rng, range(100)), noise(rng, 4.0)
    spoken = np.ones(len(sound), bool)
    assert sync_score(net, lips, sound, spoken).probability is not None
    still = MouthCrops(lips.mouths[:1].repeat(100, 0), lips.time_s, lips.opening, 25.0)
    for judged in (
        sync_score(net, lips, sound, ~spoken),
        sync_score(net, lips, np.zeros(0, np.float32), np.zeros(0, bool)),
        sync_score(net, lips, sound[:6000], spoken[:6000]),
        sync_score(net, still, sound, spoken),
        sync_score(net, some_lips(rng, range(20)), sound, spoken),
        sync_score(net, some_lips(rng, []), sound, spoken),
        sync_score(net, some_lips(rng, range(100), first=200), sound, spoken),
    ):
        assert (judged.probability, judged.offset_ms, judged.confidence) == (None, None, None)
        assert len(judged.time_s) == len(judged.probabilities) == len(judged.offsets_ms) == 0


def test_only_moments_with_speech_around_them_are_judged(net, rng):
    lips, sound = some_lips(rng, range(250)), noise(rng, 10.0)
    spoken = np.zeros(len(sound), bool)
    spoken[:80_000] = True
    found = sync_score(net, lips, sound, spoken)
    assert found.time_s.min() < 1
    assert 4.5 < found.time_s.max() < 6
    assert len(found.time_s) == len(found.probabilities) == len(found.offsets_ms)
    assert (np.abs(found.offsets_ms) <= 600).all()
    assert ((found.probabilities >= 0) & (found.probabilities <= 1)).all()


def test_a_net_comes_back_from_disk_with_its_scores(net, rng, tmp_path):
    net = deepcopy(net)
    net.mapping.copy_(torch.tensor([2.0, 3.0, 0.5, 0.25]))
    save_sync(net, tmp_path / "a" / "net.safetensors", {"clips": 3})
    again = load_sync(tmp_path / "a" / "net.safetensors")
    lips, sound = some_lips(rng, range(100)), noise(rng, 4.0)
    spoken = np.ones(len(sound), bool)
    assert again.config == net.config
    one, other = (sync_score(each, lips, sound, spoken) for each in (net, again))
    assert one.probability == other.probability
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["net.safetensors"]


@pytest.mark.parametrize("content", [None, b"", b"no weights at all"])
def test_what_is_no_sync_net_is_refused(tmp_path, content):
    path = tmp_path / "net.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match="unmask sync"):
        load_sync(path)
