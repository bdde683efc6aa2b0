from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from unmask.data.demo.speech_synthesis import (
    VOWELS,
    Syllable,
    Voice,
    add_room_acoustics,
    mouth_opening,
    sample_syllables,
    sample_voice,
    speak,
)
from unmask.records import RATE_HZ


def test_syllables_are_ordered_and_lie_within_the_duration(rng):
    syllables = sample_syllables(4.0, rng)
    assert 0.1 <= syllables[0].start_s <= 0.35
    assert syllables[-1].end_s <= 3.95
    for previous, following in pairwise(syllables):
        assert previous.start_s < previous.end_s <= following.start_s
    pauses = [b.start_s - a.end_s for a, b in pairwise(syllables)]
    assert any(pause > 0.15 for pause in pauses)


def test_mouth_opening_peaks_in_the_middle_of_a_vowel_and_is_zero_outside():
    syllable = Syllable(1.0, 1.2, "o", 3000.0, 0.8)
    opening = mouth_opening((syllable,), np.array([0.9, 1.0, 1.1, 1.15, 1.2, 1.3]))
    assert opening[2] == pytest.approx(0.8 * VOWELS["o"][1])
    assert opening[[0, 1, 4, 5]].tolist() == [0.0] * 4
    assert 0 < opening[3] < opening[2]


def test_speech_is_loud_while_the_mouth_is_open():
    rng = np.random.default_rng(4)
    syllables = sample_syllables(4.0, rng)
    samples = speak(sample_voice(rng), syllables, 4.0, rng)
    frame = RATE_HZ // 25
    loudness = np.sqrt((samples[: 100 * frame].reshape(100, frame) ** 2).mean(axis=1))
    opening = mouth_opening(syllables, (np.arange(100) + 0.5) / 25)
    # vowels of the same opening differ in loudness: only compare speech with silence
    assert loudness[opening > 0.2].mean() > 5 * loudness[opening < 0.02].mean()


@pytest.mark.parametrize("pitch_hz", [110.0, 200.0])
def test_vowel_has_the_pitch_of_the_voice(pitch_hz):
    voice = Voice(pitch_hz=pitch_hz, tract=1.0, breath=0.0, tilt_db=12.0)
    syllables = tuple(Syllable(0.5 * n, 0.5 * n + 0.5, "a", 3000.0, 1.0) for n in range(4))
    samples = speak(voice, syllables, 2.0, np.random.default_rng(0))
    block = samples[3 * RATE_HZ // 4 :][:4096]
    correlation = np.correlate(block, block, "full")[4095:]
    lags = slice(RATE_HZ // 300, RATE_HZ // 70)
    lag = correlation[lags].argmax() + lags.start
    assert RATE_HZ / lag == pytest.approx(pitch_hz, rel=0.15)  # intonation varies the pitch


def test_shorter_vocal_tract_raises_the_formants():
    syllables = (Syllable(0.0, 1.0, "a", 3000.0, 1.0),)

    def centroid_hz(tract):
        voice = replace(Voice(100.0, 1.0, 0.0, 6.0), tract=tract)
        samples = speak(voice, syllables, 1.0, np.random.default_rng(0))[3000:]
        power = np.abs(np.fft.rfft(samples)) ** 2
        return (power * np.fft.rfftfreq(len(samples), 1 / RATE_HZ)).sum() / power.sum()

    assert centroid_hz(1.18) > centroid_hz(0.92)


def test_room_acoustics_set_the_loudness_and_add_a_noise_floor(rng):
    dry = np.zeros(2 * RATE_HZ, np.float32)
    dry[: RATE_HZ // 2] = rng.normal(0, 0.3, RATE_HZ // 2)
    room = add_room_acoustics(dry, 0.08, rng)
    assert np.sqrt(np.mean(room.astype(float) ** 2)) == pytest.approx(0.08, rel=0.01)
    tail = room[-RATE_HZ // 2 :]
    assert 0.0005 < tail.std() < 0.003
