import numpy as np
import pytest

from unmask.data.forgeries import vocoder
from unmask.data.forgeries.kept_voices import _forge, forge_voice
from unmask.preprocessing.cache import Cache


@pytest.fixture
def samples(pair):
    return pair[0].samples[:8000]


@pytest.fixture
def calls(monkeypatch):
    """Lengths of the sounds that were vocoded."""
    lengths, vocode = [], vocoder.vocode

    def counted(sound, network):
        lengths.append(len(sound))
        return vocode(sound, network)

    monkeypatch.setattr(vocoder, "vocode", counted)
    return lengths


def test_a_voice_is_vocoded_once_even_by_two_processes(vocoder_name, samples, calls, tmp_path):
    cache = Cache(tmp_path / "cache")
    first = forge_voice("ab", vocoder_name, samples, cache)
    assert forge_voice("ab", vocoder_name, samples, cache) is first
    _forge.cache_clear()  # as in another process
    again = forge_voice("cd", vocoder_name, samples, Cache(tmp_path / "cache"))
    assert np.array_equal(again, first)
    assert calls == [8000]
    forge_voice("ab", vocoder_name, samples[:-160], cache)
    assert calls == [8000, 7840]


def test_a_voice_is_vocoded_anew_without_a_cache(vocoder_name, samples, calls):
    first = forge_voice("ab", vocoder_name, samples, None)
    _forge.cache_clear()
    assert np.array_equal(forge_voice("ab", vocoder_name, samples, None), first)
    assert calls == [8000, 8000]


def test_methods_give_different_voices(vocoder_name, samples):
    forged = [
        forge_voice("ab", method, samples, None)
        for method in ("griffin_lim", "convert", vocoder_name)
    ]
    assert all(len(voice) == len(samples) for voice in forged)
    for index, voice in enumerate(forged):
        for other in (*forged[:index], samples):
            assert np.abs(voice - other).max() > 0.01
