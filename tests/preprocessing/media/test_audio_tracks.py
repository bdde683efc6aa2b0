"""One sound track is chosen, everywhere the same, and all of them are named."""

import numpy as np
import pytest

from tests.sound_files import Part, tone, write_tracks
from unmask.config import PreprocessingSettings
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.media import audio_tracks
from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.audio_tracks import audio_stream
from unmask.preprocessing.media.container import open_container
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.stages import CachedStages

SECONDS = 3.0


def pitch_hz(samples):
    """The strongest frequency of the sound."""
    return np.argmax(np.abs(np.fft.rfft(samples))) * 16_000 / len(samples)


@pytest.fixture
def tones():
    return [Part(0.0, tone(hz, SECONDS)[None]) for hz in (400, 800, 1200)]


@pytest.fixture
def spoken(synthesise_voice):
    """A voice at 16 kHz."""
    return Part(0.0, synthesise_voice(SECONDS)[None], 16_000)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
@pytest.mark.parametrize("default", [0, 1, 2])
def test_the_default_track_is_analyzed(tmp_path, tones, name, default):
    path = write_tracks(tmp_path / name, tones, "aac", defaults=[default])
    assert pitch_hz(read_waveform(path).samples) == pytest.approx((400, 800, 1200)[default], abs=1)
    tracks = probe(path).sound_tracks
    assert [track.is_default for track in tracks] == [index == default for index in range(3)]
    assert [track.is_analyzed for track in tracks] == [index == default for index in range(3)]


@pytest.mark.parametrize("defaults", [[], [0, 1, 2]])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_without_a_single_default_the_track_with_speech_is(
    tmp_path, tones, spoken, place, defaults
):
    parts = [*tones[:place], spoken, *tones[place + 1 :]]
    path = write_tracks(tmp_path / "a.mkv", parts, "aac", defaults=defaults)
    with open_container(path) as container:
        assert audio_stream(container).index == place
    decoded = read_waveform(path).samples[2000:46_000]
    assert np.corrcoef(decoded, spoken.samples[0, 2000:46_000])[0, 1] > 0.95


def test_of_equal_tracks_the_first_is_analyzed(tmp_path, tones):
    path = write_tracks(tmp_path / "a.ts", tones, "mp2", container="mpegts")
    assert [track.is_analyzed for track in probe(path).sound_tracks] == [True, False, False]


def test_speech_is_looked_for_once(tmp_path, tones, monkeypatch):
    path = write_tracks(tmp_path / "a.ts", tones, "mp2", container="mpegts")
    read_waveform(path)
    monkeypatch.setattr(audio_tracks, "_speech_s", None)
    assert read_waveform(path) is not None


def test_tracks_are_named_with_language_and_channels(tmp_path, tones):
    parts = [tones[0], Part(0.0, np.repeat(tones[1].samples, 2, 0))]
    path = write_tracks(
        tmp_path / "a.mkv", parts, "aac", defaults=[1], languages=["eng", None], video=True
    )
    first, second = probe(path).sound_tracks
    assert (first.index, first.codec, first.language, first.channels) == (1, "aac", "eng", 1)
    assert (second.index, second.codec, second.language, second.channels) == (2, "aac", None, 2)
    assert (first.is_analyzed, second.is_analyzed) == (False, True)


def test_named_tracks_come_back_from_the_cache(tmp_path, tones):
    path = write_tracks(tmp_path / "a.mkv", tones, "aac", defaults=[1])
    cache = Cache(tmp_path / "cache")
    computed = CachedStages(path, PreprocessingSettings(), cache).info()
    stages = CachedStages(path, PreprocessingSettings(), cache)
    assert stages.info() == computed
    assert stages.cached == {"media": True}
    assert len(computed.sound_tracks) == 3
