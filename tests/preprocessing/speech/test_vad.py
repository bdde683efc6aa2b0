import numpy as np
import pytest

from unmask.config import SpeechSettings
from unmask.preprocessing.speech.vad import (
    detect_speech,
    energy_probabilities,
    probabilities_to_spans,
)
from unmask.records import Waveform

ENERGY = SpeechSettings(method="energy")


def slowly(probabilities, samples, threshold):
    """Silero's rule, written as a walk over seconds: (begin, end) before padding."""
    found, begin, quiet = [], None, None
    for number, probability in enumerate(probabilities):
        now = number * 512
        if probability >= threshold:
            begin = now if begin is None else begin
            quiet = None
        if begin is not None and probability < max(threshold - 0.15, 0.01):
            quiet = now if quiet is None else quiet
            if now - quiet >= 1600:
                found.append((begin, quiet))
                begin = quiet = None
    if begin is not None:
        found.append((begin, samples))
    return [(a, b) for a, b in found if b - a > 4000]


def test_stretches_are_those_of_the_slow_definition_widened_by_at_most_30_ms():
    rng = np.random.default_rng(6)
    for _ in range(30):
        wander = np.cumsum(rng.normal(0, 0.15, 200))
        probabilities = (1 / (1 + np.exp(-(wander - wander.mean())))).astype(np.float32)
        samples = 200 * 512 - int(rng.integers(0, 500))
        expected = slowly(probabilities, samples, 0.5)
        found = probabilities_to_spans(probabilities, samples, 0.5)
        assert len(found) == len(expected)
        for (start, end), (begin, stop) in zip(found, expected, strict=True):
            assert 0 <= begin - start <= 480
            assert 0 <= end - stop <= 480
        assert np.all(found[1:, 0] >= found[:-1, 1])  # never over one another


def test_a_stretch_ends_with_the_sound():
    assert probabilities_to_spans(np.ones(20, np.float32), 19 * 512 + 7, 0.5).tolist() == [
        [0, 19 * 512 + 7]
    ]


def test_a_click_is_no_speech():
    probabilities = np.zeros(100, np.float32)
    probabilities[50:53] = 1.0
    assert probabilities_to_spans(probabilities, 100 * 512, 0.5).shape == (0, 2)


def bursts(loud, noise=0.001, seconds=4.0):
    rng = np.random.default_rng(1)
    time = np.arange(round(seconds * 16_000)) / 16_000
    tone = loud * np.sin(2 * np.pi * 220 * time) * ((time % 2 > 0.5) & (time % 2 < 1.5))
    return Waveform((tone + noise * rng.normal(size=len(time))).astype(np.float32))


@pytest.mark.parametrize("loud", [0.05, 0.5])
def test_energy_finds_the_bursts_however_loud_the_recording_is(loud):
    found = detect_speech(bursts(loud), ENERGY)
    assert found == pytest.approx(np.array([[0.5, 1.5], [2.5, 3.5]]), abs=0.08)


def test_energy_takes_even_noise_for_no_voice():
    noise = 0.1 * np.random.default_rng(2).normal(size=64_000).astype(np.float32)
    assert detect_speech(Waveform(noise), ENERGY).shape == (0, 2)


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-3])
def test_energy_finds_pauses_however_deep_they_are(noise):
    found = detect_speech(bursts(0.3, noise), ENERGY)
    assert found == pytest.approx(np.array([[0.5, 1.5], [2.5, 3.5]]), abs=0.08)


def test_silence_holds_no_speech():
    for method in ("silero", "energy"):
        sound = Waveform(np.zeros(32_000, np.float32))
        assert detect_speech(sound, SpeechSettings(method=method)).shape == (0, 2)


def test_a_lower_threshold_never_hears_less():
    spoken = [
        np.diff(detect_speech(bursts(0.3, 0.02), SpeechSettings("energy", t)), axis=1).sum()
        for t in (0.2, 0.5, 0.8)
    ]
    assert spoken[0] >= spoken[1] >= spoken[2] > 0


def test_energy_of_no_sound_is_no_probability():
    assert energy_probabilities(np.zeros(0, np.float32)).shape == (0,)
