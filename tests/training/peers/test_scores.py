import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from tests.toy_fixtures import load_toy
from unmask.config import PreprocessingSettings
from unmask.errors import DataError
from unmask.evaluation.file_facts import FileFacts
from unmask.preprocessing.cache import Cache
from unmask.training.peers import measure, scores
from unmask.training.peers.detectors import NO_FACE, NO_SOUND, Peer
from unmask.training.peers.measure import measure_notes, measure_peers

NAMES = ("flatness", "face")
SETTINGS = PreprocessingSettings()


class Flatness(nn.Module):
    """The more alike the loudness of all samples, the more genuine; counts its calls."""

    calls = 0

    def forward(self, waveform):
        self.calls += 1
        share = (waveform.abs() < 0.05).float().mean(dim=1)
        return torch.stack([share, share], dim=1)


@pytest.fixture
def network(monkeypatch):
    """Score toy clips by a detector of voices, and by one of faces that none of them has."""
    net = Flatness()

    def load_peer(name):
        return Peer(name, "0" * 64, hears=name == "flatness", network=net)

    monkeypatch.setattr(scores, "load_peer", load_peer)
    monkeypatch.setattr(scores, "make_feature_loader", lambda *_: load_toy)
    monkeypatch.setattr(
        measure, "measure_file_facts", lambda c: FileFacts(9, 9, 5.0, 1.0, 8e5, 16_000, "mp4")
    )
    return net


@pytest.fixture
def clips(toy_clips, rename_clip):
    """Return a silent clip without a face, one that cannot be read, and four without a face."""
    clips = rename_clip(toy_clips[:6], "train", 0, "faceless-silent")
    clips = rename_clip(clips, "train", 1, "broken")
    for number in range(2, 6):
        clips = rename_clip(clips, "train", number, "faceless")
    return clips


def collect(clips, cache):
    runs = tuple(scores.score_clips_by_peers(clips, NAMES, SETTINGS, cache))
    return scores.collect_scores(runs, NAMES)


def test_clips_have_scores_or_reasons(network, clips):
    result = collect(clips, None)
    silent, broken, *others = [clip.clip_id for clip in clips]
    assert result.unscored["flatness"].keys() == {silent, broken}
    assert result.unscored["flatness"][silent] == NO_SOUND
    assert "cannot be decoded" in result.unscored["face"][broken]
    assert {result.unscored["face"][name] for name in others} == {NO_FACE}
    for clip in clips[2:]:
        loud = np.abs(load_toy(clip).waveform.samples) >= 0.05
        assert result.scores[clip.clip_id]["flatness"] == pytest.approx(loud.mean() - 1, abs=1e-4)


def test_a_score_is_computed_once_and_a_reason_is_not_kept(network, clips, tmp_path):
    first = collect(clips, Cache(tmp_path))
    calls = network.calls
    assert calls == len(clips) - 2
    assert collect(clips, Cache(tmp_path)) == first
    assert network.calls == calls


def test_table_is_that_of_the_scores(network, toy_clips, tiny_settings, rename_clip):
    clips = toy_clips
    for number in range(12):
        clips = rename_clip(clips, "train", number, "faceless")
    clips = clips[:12]
    table = measure_peers(clips, [[clips[0].source]], ("flatness",), tiny_settings, None)
    row = next(row for row in table.families if row.family == "voice")
    compared = [clip for clip in clips if not clip.is_fake or clip.fake_video is False]
    values = [(np.abs(load_toy(clip).waveform.samples) >= 0.05).mean() for clip in compared]
    assert row.auc.value == pytest.approx(roc_auc_score([c.is_fake for c in compared], values))
    assert row.score == "flatness"
    assert measure_notes(clips)[0].startswith("12 clips of 12 people and 1 sources")


def test_without_any_score_there_is_no_table(network, toy_clips, tiny_settings, rename_clip):
    clips = rename_clip(toy_clips[:1], "train", 0, "broken")
    with pytest.raises(DataError, match="none of 1 clips could be scored"):
        measure_peers(clips, [[clips[0].source]], ("flatness",), tiny_settings, None)
