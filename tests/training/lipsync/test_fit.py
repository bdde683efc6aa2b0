import logging

import numpy as np
import pytest
import torch

from unmask.config import LipSyncSettings, Settings
from unmask.errors import MediaError, TrainingError
from unmask.models.lipsync.checkpoint import load_sync
from unmask.models.lipsync.network import SyncNet
from unmask.models.lipsync.scoring import sync_score
from unmask.models.lipsync.windows import WINDOW_TICKS
from unmask.training.lipsync.dataset import delay_audio, random_crop
from unmask.training.lipsync.fit import contrastive_loss, fit_lipsync, lipsync_key

TICKS = 100
TICK_SAMPLES = 640


@pytest.mark.parametrize("delay_ms", [-280, 120])
def test_delayed_sound_has_a_positive_offset(net, held_out, delay_ms):
    offsets_ms = []
    for clip in held_out:
        if not clip.clip.is_fake:
            sample = delay_audio(clip.sample, delay_ms / 1000)
            result = sync_score(net, sample.lips, sample.waveform, sample.is_speech)
            offsets_ms.append(result.offset_ms)
    assert np.median(offsets_ms) == pytest.approx(delay_ms, abs=40)


def test_the_score_over_time_rises_where_the_sound_was_replaced(net, held_out):
    target, source = held_out[0].sample, held_out[1].sample
    half = TICKS // 2 * TICK_SAMPLES
    waveform = np.concatenate([target.waveform[:half], source.waveform[half:]])
    result = sync_score(net, target.lips, waveform, target.is_speech)
    early, late = result.time_s < 1.5, result.time_s > 2.6
    assert result.probabilities[late].mean() > result.probabilities[early].mean() + 0.3


def test_a_finished_fit_is_not_repeated(toy, weights_file):
    def fail(clip):
        raise AssertionError(f"{clip.clip_id} was loaded again")

    out = weights_file.parent.parent
    assert fit_lipsync(toy.clips, toy.settings, fail, out) == weights_file
    history = (weights_file.parent / "history.csv").read_text().splitlines()
    assert len(history) == 1 + toy.settings.sync.epochs


def test_the_key_depends_on_genuine_clips_and_seed(toy):
    key = lipsync_key(toy.clips, toy.settings)
    assert lipsync_key(toy.clips, Settings(sync=toy.settings.sync, seed=8)) != key
    assert lipsync_key(toy.clips[1:], toy.settings) != key
    genuine = [clip for clip in toy.clips if not clip.is_fake]
    assert lipsync_key(genuine, toy.settings) == key


def test_the_same_seed_gives_the_same_weights(toy, tmp_path):
    clips = [clip for clip in toy.clips if not clip.is_fake and clip.split != "test"][::3]
    settings = Settings(sync=LipSyncSettings(dim=16, epochs=1))
    states = []
    for name in ("a", "b"):
        torch.rand(5)  # the global random state does not matter
        file = fit_lipsync(clips, settings, toy.load, tmp_path / name)
        states.append(load_sync(file).state_dict())
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key])


def test_without_genuine_clips_there_is_nothing_to_train_on(toy, tmp_path, caplog):
    def broken(clip):
        raise MediaError(f"{clip.clip_id}: is empty")

    with caplog.at_level(logging.WARNING), pytest.raises(TrainingError, match="0 genuine"):
        fit_lipsync(toy.clips, toy.settings, broken, tmp_path)
    assert "is empty" in caplog.text
    fakes = [clip for clip in toy.clips if clip.is_fake]
    with pytest.raises(TrainingError, match="0 genuine"):
        fit_lipsync(fakes, toy.settings, toy.load, tmp_path)


def test_the_contrastive_loss_agrees_with_its_slow_definition(held_out, rng):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = SyncNet(8).eval()
    crops, lips, speech, places = [], [], [], []
    for owner, clip in enumerate(held_out[:2]):
        mouths, sound, _ = random_crop(clip, 20, 25.0, rng)
        mask = torch.arange(20 - WINDOW_TICKS + 1) % 3 != 2
        crops.append((mouths, sound, mask))
        lips.append(net.embed_mouths(mouths[None])[0][mask])
        speech.append(net.embed_audio(sound[None])[0][mask])
        places += [(owner, int(tick)) for tick in torch.nonzero(mask)[:, 0]]
    similarity = torch.cat(lips) @ torch.cat(speech).T * net.log_scale.exp()
    losses = []
    for logits in (similarity, similarity.T):
        for row, (owner, tick) in enumerate(places):
            candidates = [
                logits[row, column]
                for column, (other, time) in enumerate(places)
                if other != owner or abs(time - tick) != 1
            ]
            losses.append(torch.logsumexp(torch.stack(candidates), 0) - logits[row, row])
    expected = torch.stack(losses).mean()
    assert contrastive_loss(net, crops).item() == pytest.approx(expected.item())
