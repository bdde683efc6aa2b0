from pathlib import Path

import numpy as np
import pytest
from scipy.signal import firwin, lfilter

from unmask.preprocessing.material.sound_facts import SoundFacts
from unmask.records import RATE_HZ, ClipFeatures, MediaInfo, Waveform

SECOND = RATE_HZ


def facts_of(samples, spans_s):
    facts = SoundFacts()
    info = MediaInfo(Path("a.wav"), "0" * 64, 1, 9.0, 0.0, 0, 0, 0, None, "pcm")
    waveform, end_s = Waveform(samples.astype(np.float32)), len(samples) / RATE_HZ
    facts.add(ClipFeatures(info, 0.0, end_s, 0, (), waveform, np.array(spans_s)))
    return facts


def noise(seconds, level, seed=0):
    return np.random.default_rng(seed).normal(0, level, round(seconds * SECOND))


@pytest.mark.parametrize("limit_hz", [3400, 6000])
def test_the_cutoff_is_that_of_the_filter(limit_hz):
    low = lfilter(firwin(801, limit_hz, fs=RATE_HZ, window=("kaiser", 9)), 1.0, noise(2, 0.1))
    cutoff_hz = facts_of(low, [[0.1, 2.0]]).cutoff_hz
    assert cutoff_hz == pytest.approx(limit_hz, abs=300)


def test_sound_without_a_filter_reaches_the_highest_frequency():
    assert facts_of(noise(2, 0.1), [[0.0, 2.0]]).cutoff_hz == pytest.approx(8000, abs=50)


def test_the_ratio_is_that_of_speech_to_pauses():
    sound = noise(4, 0.01)
    sound[:SECOND] += noise(1, 0.1, seed=1)
    assert facts_of(sound, [[0.0, 1.0]]).snr_db == pytest.approx(20.0, abs=0.5)


def test_nothing_is_told_without_speech_or_without_pauses():
    silent = facts_of(noise(2, 0.1), np.zeros((0, 2)))
    assert silent.cutoff_hz is None
    assert silent.snr_db is None
    assert facts_of(noise(2, 0.1), [[0.0, 2.0]]).snr_db is None
