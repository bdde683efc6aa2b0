"""Similarity by shift against a slow definition, and scores of networks with known embeddings."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from unmask.models.lipsync.network import SyncNet
from unmask.models.lipsync.scoring import (
    MIN_WINDOWS,
    MOVING_LEVELS,
    NOT_SCORED,
    Embeddings,
    ShiftSimilarity,
    contiguous_runs,
    embed_lips,
    embed_speech,
    mouth_motion,
    score_similarity,
    similarity_by_shift,
    sync_score,
)
from unmask.models.lipsync.windows import REACH_TICKS, WINDOW_TICKS
from unmask.records import MouthCrops

PERIOD = 200


class TickLookup(SyncNet):
    """Embeddings that state their tick, so that lips and sound agree at a known shift only."""

    def __init__(self):
        super().__init__(dim=64)
        table = torch.randn(PERIOD, 64, generator=torch.Generator().manual_seed(0))
        self.register_buffer("table", F.normalize(table, dim=1))

    def embed_mouths(self, mouths):
        return self._lookup(mouths[:, :, 0, 0].long())

    def embed_audio(self, waveform):
        ticks = waveform.shape[1] // self.tick_samples
        values = waveform[:, : ticks * self.tick_samples : self.tick_samples]
        return self._lookup((values * 256).round().long())

    def _lookup(self, ticks):
        return self.table[ticks[:, REACH_TICKS:-REACH_TICKS]]


def make_clip(delay_ticks, ticks=150):
    values = (np.arange(ticks) + delay_ticks) % PERIOD
    mouths = np.broadcast_to(values.astype(np.uint8)[:, None, None], (ticks, 48, 48))
    lips = MouthCrops(mouths, np.arange(ticks) / 25, np.zeros(ticks, np.float32), 25.0)
    sound = np.repeat(np.arange(ticks) % PERIOD / 256, 640).astype(np.float32)
    return lips, sound, np.ones(len(sound), bool)


@pytest.mark.parametrize("delay_ticks", [-7, -1, 0, 2, 10])
def test_known_delay_of_the_sound_is_found(delay_ticks):
    score = sync_score(TickLookup(), *make_clip(delay_ticks))
    assert score.offset_ms == pytest.approx(40 * delay_ticks, abs=10)
    assert score.confidence > 0.95
    assert score.offsets_ms == pytest.approx(40 * delay_ticks, abs=20)
    severity = 1 - 0.5 ** ((0.04 * delay_ticks / 0.1) ** 2)
    assert score.probability == pytest.approx(severity, abs=0.02)


def test_sound_of_another_clip_has_no_confident_offset():
    lips, _, speech = make_clip(0)
    _, sound, _ = make_clip(0, ticks=150)
    other = np.repeat(np.random.default_rng(1).permutation(150) / 256, 640).astype(np.float32)
    assert len(other) == len(sound)
    score = sync_score(TickLookup(), lips, other, speech)
    assert score.confidence < 0.9
    assert score.probability > sync_score(TickLookup(), *make_clip(0)).probability + 0.3


def test_similarity_compares_each_window_with_shifted_sound(net, make_lips, make_noise):
    lips = embed_lips(net, make_lips(range(60)))
    speech = embed_speech(net, make_noise(2.8), np.ones(44_800, bool))
    similarity = similarity_by_shift(lips, speech).similarity
    for tick in range(60):
        for shift in range(-15, 16):
            inside = 0 <= tick + shift < len(speech.vectors)
            expected = lips.vectors[tick] @ speech.vectors[tick + shift] if inside else np.nan
            assert similarity[tick, shift + 15] == pytest.approx(expected, nan_ok=True)


def test_window_is_valid_with_both_motion_and_speech():
    vectors = np.ones((4, 2))
    lips = Embeddings(vectors, np.array([True, True, False, True]))
    speech = Embeddings(vectors[:3], np.array([True, False, True]))
    assert similarity_by_shift(lips, speech).valid.tolist() == [True, False, False, False]


def test_curve_is_the_mean_over_valid_windows_and_nan_where_few_reach():
    similarity = np.array([[1.0, np.nan], [0.5, np.nan], [0.9, 0.3], [9.0, 9.0]])
    windows = ShiftSimilarity(similarity, np.array([True, True, True, False]))
    assert windows.curve() == pytest.approx([0.8, np.nan], nan_ok=True)
    assert windows.curve(slice(2, 3)) == pytest.approx([0.9, 0.3])
    assert windows.curve(slice(3, 4)) is None


def test_too_few_valid_windows_are_not_scored(net):
    valid = np.arange(60) < MIN_WINDOWS - 1
    similarity = np.zeros((60, 31))
    assert score_similarity(net, ShiftSimilarity(similarity, valid)) is NOT_SCORED


def test_runs_are_consecutive_and_long_enough_for_a_window():
    ticks = np.array([*range(5), *range(10, 10 + WINDOW_TICKS), *range(40, 60)])
    runs = contiguous_runs(ticks)
    assert [ticks[run].tolist() for run in runs] == [
        list(range(10, 10 + WINDOW_TICKS)),
        list(range(40, 60)),
    ]
    assert contiguous_runs(np.zeros(0, int)) == []


def test_sensor_noise_is_no_mouth_motion(rng):
    still = rng.normal(128, 3, (30, 48, 48)).astype(np.float32)
    moving = still + 10 * np.arange(30)[:, None, None] % 20
    assert mouth_motion(still).shape == (30 - WINDOW_TICKS + 1,)
    assert mouth_motion(still).max() < MOVING_LEVELS < mouth_motion(moving).min()


@pytest.mark.parametrize("side", [48, 47, 50])
def test_mouth_motion_is_that_of_adaptive_pooling(rng, side):
    mouths = rng.integers(0, 256, (20, side, side), dtype=np.uint8)
    blocks = F.adaptive_avg_pool2d(torch.from_numpy(mouths)[:, None].double(), 6).flatten(1)
    expected = blocks.unfold(0, WINDOW_TICKS, 1).std(dim=2).mean(dim=1)
    assert mouth_motion(mouths) == pytest.approx(expected.numpy())


def test_mouth_crops_with_a_gap_are_embedded_in_runs(net, make_lips):
    ticks = [*range(20), *range(30, 50), *range(60, 65)]
    lips = embed_lips(net, make_lips(ticks))
    finite = np.flatnonzero(np.isfinite(lips.vectors[:, 0]))
    assert finite.tolist() == [*range(6, 14), *range(36, 44)]


def test_insufficient_material_is_not_scored(net, make_lips, make_noise):
    lips, sound = make_lips(range(100)), make_noise(4.0)
    speech = np.ones(len(sound), bool)
    assert sync_score(net, lips, sound, speech).probability is not None
    still = MouthCrops(lips.mouths[:1].repeat(100, 0), lips.time_s, lips.opening, 25.0)
    for score in (
        sync_score(net, lips, sound, ~speech),
        sync_score(net, lips, np.zeros(0, np.float32), np.zeros(0, bool)),
        sync_score(net, lips, sound[:6000], speech[:6000]),
        sync_score(net, still, sound, speech),
        sync_score(net, make_lips(range(20)), sound, speech),
        sync_score(net, make_lips([]), sound, speech),
        sync_score(net, make_lips(range(100), first=200), sound, speech),
    ):
        assert (score.probability, score.offset_ms, score.confidence) == (None, None, None)
        assert len(score.time_s) == len(score.probabilities) == len(score.offsets_ms) == 0


def test_only_moments_with_speech_around_them_are_scored(net, make_lips, make_noise):
    lips, sound = make_lips(range(250)), make_noise(10.0)
    speech = np.zeros(len(sound), bool)
    speech[:80_000] = True
    score = sync_score(net, lips, sound, speech)
    assert score.time_s.min() < 1
    assert 4.5 < score.time_s.max() < 6
    assert len(score.time_s) == len(score.probabilities) == len(score.offsets_ms)
    assert (np.abs(score.offsets_ms) <= 600).all()
    assert ((score.probabilities >= 0) & (score.probabilities <= 1)).all()
