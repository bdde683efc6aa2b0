"""Footage statistics measure what they name, the same in windows as in the whole clip."""

from dataclasses import replace

import numpy as np
import pytest

from tests.factories import make_clip
from tests.toy_fixtures import load_toy
from unmask.preprocessing.footage import FootageStatistics, describe_footage
from unmask.records import FOOTAGE_FACTS, RATE_HZ, Waveform


@pytest.fixture
def features():
    return load_toy(make_clip())


def facts_of(features):
    return dict(zip(FOOTAGE_FACTS, describe_footage(features), strict=True))


def with_tone(features, hertz, amplitude):
    time_s = np.arange(RATE_HZ) / RATE_HZ
    tone = amplitude * np.sin(2 * np.pi * hertz * time_s)
    return replace(features, waveform=Waveform(tone.astype(np.float32)))


def test_there_is_one_value_for_each_fact(features):
    assert describe_footage(features).shape == (len(FOOTAGE_FACTS),)


def test_size_and_rate_are_in_octaves(features):
    info = replace(features.info, width=1920, height=1080, fps=30.0)
    facts = facts_of(replace(features, info=info))
    assert 2 ** facts["width"] == pytest.approx(1920)
    assert 2 ** facts["height"] == pytest.approx(1080)
    assert 2 ** facts["frame_rate"] == pytest.approx(30)


def test_still_share_leaves_out_the_first_frame(features):
    moving = replace(features, frames_sampled=5, frames_still=3)
    assert facts_of(moving)["still_share"] == 0.75
    assert facts_of(replace(features, frames_sampled=1))["still_share"] == 1.0


def test_loudness_is_that_of_speech(features):
    facts = facts_of(with_tone(features, 1000, 0.5))
    assert 2 ** facts["loudness"] == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


@pytest.mark.parametrize(("hertz", "band"), [(110, 0), (1000, 6), (7900, 11)])
def test_a_tone_lies_in_its_band(features, hertz, band):
    facts = facts_of(with_tone(features, hertz, 0.5))
    powers = [facts[f"sound_band_{number}"] for number in range(12)]
    assert int(np.argmax(powers)) == band


def test_stripes_lie_in_their_band_and_colours_in_their_channel(features):
    (person,) = features.people
    x = np.arange(224)
    for wavelength_px in (112, 30, 7, 2.5):
        face = np.zeros((224, 224, 3), np.uint8)
        face[..., 0] = 127 + 100 * np.sin(2 * np.pi * x / wavelength_px)
        faces = np.broadcast_to(face, person.faces.shape)
        facts = facts_of(replace(features, people=(replace(person, faces=faces),)))
        powers = [facts[f"face_band_{number}"] for number in range(10)]
        edges = np.geomspace(2 / 224, 0.5, 11)
        assert int(np.argmax(powers)) == np.searchsorted(edges, 1 / wavelength_px, "right") - 1
        assert facts["red"] > 6 > facts["green"] == facts["blue"] == 0


def test_compression_is_told_in_octaves(features):
    compressed = replace(features, info=replace(features.info, bits_per_pixel=0.125))
    assert facts_of(compressed)["bits_per_pixel"] == -3
    unknown = replace(features, info=replace(features.info, bits_per_pixel=None))
    assert np.isnan(facts_of(unknown)["bits_per_pixel"])


def test_missing_face_and_speech_are_not_a_number(features):
    silent = replace(features, waveform=None)
    assert np.isnan(facts_of(silent)["loudness"])
    assert not np.isnan(facts_of(silent)["red"])
    faceless = replace(features, people=())
    assert np.isnan(facts_of(faceless)["red"])
    assert not np.isnan(facts_of(faceless)["loudness"])
    without_video = replace(features, info=replace(features.info, video_codec=None))
    assert np.isnan(facts_of(without_video)["width"])


def test_windows_give_the_facts_of_the_whole_clip(features):
    louder = with_tone(features, 500, 0.4)
    statistics = FootageStatistics()
    statistics.add(features)
    statistics.add(louder)
    samples = np.concatenate([features.waveform.samples[:15872], louder.waveform.samples[:15872]])
    spans = np.array([[0.0, len(samples) / RATE_HZ]])
    whole = replace(louder, waveform=Waveform(samples), speech_spans_s=spans)
    assert statistics.facts()[21:] == pytest.approx(describe_footage(whole)[21:])
