"""Footage that no verdict can be given on is recognised from its facts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from tests.factories import NO_FOOTAGE, make_model_settings
from unmask.config import PreprocessingSettings
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.models.footage_obstacles import find_obstacles
from unmask.preprocessing.footage import describe_footage
from unmask.records import FOOTAGE_FACTS, RATE_HZ, ClipFeatures, MediaInfo, Waveform

INFO = MediaInfo(Path("a.wav"), "0" * 64, 1, 4.0, 0.0, 0, 0, 0, None, "pcm_s16le")


@pytest.fixture(scope="module")
def bundle():
    detector = Detector(make_model_settings()).eval()
    return Bundle((detector,), PreprocessingSettings(), Calibration(), 1, "full")


def facts_of(samples):
    spans = np.array([[0.0, len(samples) / RATE_HZ]])
    waveform = Waveform(samples.astype(np.float32))
    return describe_footage(ClipFeatures(INFO, 0.0, 4.0, 0, (), waveform, spans))


def speech_like(rng):
    """Noise whose spectrum falls by 6 dB per octave above 500 Hz."""
    noise = rng.normal(0, 0.1, 4 * RATE_HZ)
    return sosfilt(butter(1, 500, fs=RATE_HZ, output="sos"), noise)


def through_a_telephone(samples):
    return sosfilt(butter(10, [300, 3400], "band", fs=RATE_HZ, output="sos"), samples)


def test_sound_through_a_telephone_is_recognised(bundle, rng):
    samples = speech_like(rng)
    assert find_obstacles(bundle, facts_of(samples)) == set()
    assert find_obstacles(bundle, facts_of(through_a_telephone(samples))) == {"telephone_band"}


@pytest.mark.parametrize("gain", [0.01, 1.0, 3.0])
def test_loudness_does_not_matter(bundle, rng, gain):
    samples = speech_like(rng)
    assert find_obstacles(bundle, facts_of(gain * samples)) == set()
    quiet = facts_of(gain * through_a_telephone(samples))
    assert find_obstacles(bundle, quiet) == {"telephone_band"}


def test_a_face_that_does_not_move_is_recognised_and_a_cover_picture_is_not_one(bundle):
    facts = dict.fromkeys(FOOTAGE_FACTS, np.nan)
    for still, width, obstacles in (
        (0.95, 7.0, {"still_picture"}),
        (0.5, 7.0, set()),
        (1.0, np.nan, set()),
    ):
        footage = np.array([*(facts | {"still_share": still, "face_width": width}).values()])
        assert find_obstacles(bundle, footage) == obstacles


def test_missing_sound_is_no_obstacle(bundle):
    assert find_obstacles(bundle, NO_FOOTAGE) == set()


def test_a_demonstration_model_without_a_domain_judges_nothing(bundle, rng):
    demo = replace(bundle, profile="demo")
    assert find_obstacles(demo, facts_of(speech_like(rng))) == {"demo_model"}


def test_an_experimental_detector_gives_no_verdict(bundle, rng):
    experimental = replace(bundle, provenance={"experimental": "It missed a gate."})
    assert find_obstacles(experimental, facts_of(speech_like(rng))) == {"experimental"}
