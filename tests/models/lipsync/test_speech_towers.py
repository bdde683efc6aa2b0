"""Towers on a speech model: their embeddings, and what a saved network needs to come back."""

import numpy as np
import pytest
import torch

from tests.models.backbones.speech_models import build_speech_model
from unmask.errors import ConfigError
from unmask.models.lipsync.checkpoint import load_sync, save_sync
from unmask.models.lipsync.scoring import sync_score
from unmask.models.lipsync.speech_towers import SpeechTowers
from unmask.models.lipsync.windows import WINDOW_TICKS


@pytest.fixture(scope="module")
def towers():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return SpeechTowers(build_speech_model("whisper"), 1, dim=8).eval()


def test_each_window_has_a_unit_embedding(towers, rng):
    mouths = torch.from_numpy(rng.integers(0, 255, (2, 40, 48, 48)).astype(np.uint8))
    sound = torch.from_numpy(rng.normal(0, 1, (2, 40 * 640)).astype(np.float32))
    lips, speech = towers.embed_mouths(mouths), towers.embed_audio(sound)
    assert lips.shape == speech.shape == (2, 40 - WINDOW_TICKS + 1, 8)
    assert torch.allclose(lips.norm(dim=2), torch.ones(2, 28), atol=1e-5)
    assert torch.allclose(speech.norm(dim=2), torch.ones(2, 28), atol=1e-5)


def test_an_embedding_depends_on_its_window_alone(towers, rng):
    """Half a second of mouth pixels, given the mean and contrast of the span."""
    pixels = torch.from_numpy(rng.normal(0, 1, (1, 40, 576)).astype(np.float32))
    changed = pixels.clone()
    changed[:, 30:] += 1
    before, after = (towers._embed(towers.mouth, x)[0] for x in (pixels, changed))
    assert torch.equal(before[: 30 - WINDOW_TICKS + 1], after[: 30 - WINDOW_TICKS + 1])
    assert not torch.allclose(before[28 - WINDOW_TICKS + 4], after[28 - WINDOW_TICKS + 4])


def test_embedding_ignores_brightness_and_contrast(towers, rng):
    mouths = torch.from_numpy(rng.integers(60, 160, (1, 20, 48, 48)).astype(np.float32))
    before, after = towers.embed_mouths(mouths), towers.embed_mouths(mouths * 1.4 + 20)
    assert torch.allclose(before, after, atol=1e-3)


def test_crops_of_any_size_give_the_same_embedding(towers, rng):
    small = torch.from_numpy(rng.integers(0, 255, (1, 20, 24, 24)).astype(np.float32))
    large = small.repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert torch.allclose(towers.embed_mouths(small), towers.embed_mouths(large), atol=1e-4)


def test_sound_of_any_length_has_one_feature_a_tick(towers, make_noise):
    for samples in (640 * 13, 640 * 13 + 639, 640 * 14 - 319):
        sound = torch.from_numpy(make_noise(2.0)[:samples])[None]
        assert towers.sound_features(sound).shape == (1, samples // 640, 64)


def test_a_saved_network_scores_the_same_when_loaded(towers, make_lips, make_noise, tmp_path):
    save_sync(towers, tmp_path / "net.safetensors", {})
    loaded = load_sync(tmp_path / "net.safetensors")
    lips, sound = make_lips(range(100)), make_noise(4.0)
    speech = np.ones(len(sound), bool)
    assert loaded.config == towers.config
    before, after = (sync_score(net, lips, sound, speech) for net in (towers, loaded))
    assert before.probability is not None
    assert before.probability == after.probability
    np.testing.assert_array_equal(before.offsets_ms, after.offsets_ms)


def test_a_layer_that_the_model_lacks_is_refused():
    with pytest.raises(ConfigError, match="voice_backbone has 2 layers"):
        SpeechTowers(build_speech_model("whisper"), 3)


def test_ticks_that_the_steps_of_the_model_do_not_divide_are_refused():
    with pytest.raises(ConfigError, match="divisor of 50"):
        SpeechTowers(build_speech_model("whisper"), 1, rate_hz=30.0)
