"""What the material does to verdicts: which test clips are like a file, and what is said."""

from pathlib import Path

import numpy as np
import pytest

from unmask.evaluation.condition_verdicts import ConditionVerdicts
from unmask.evaluation.measured_verdicts import MeasuredVerdicts
from unmask.evaluation.reported_rates import describe_condition
from unmask.preprocessing.material.picture_facts import PictureFacts
from unmask.records import RATE_HZ, MediaInfo
from unmask.serving.aggregation.media_quality import MediaStatistics
from unmask.serving.quality_effects import complete_quality

INFO = MediaInfo(Path("a.mp4"), "0" * 64, 1, 9.0, 25.0, 320, 240, 0, "h264", "aac", video_index=0)
NONE = frozenset()


def condition(name, codec="h264", misses=3, **facts):
    counts = MeasuredVerdicts("test", 42, 40, 14, 2, misses, 5, 6, 0.95)
    measured = ConditionVerdicts(name, codec, facts, counts)
    return describe_condition(measured)


CONDITIONS = (
    condition("original", misses=1, bits_per_pixel=0.05, cutoff_hz=8000.0, face_width_px=150.0),
    condition("h264:43", misses=9, bits_per_pixel=0.01, cutoff_hz=8000.0, face_width_px=150.0),
    condition("half", misses=7, bits_per_pixel=0.08, cutoff_hz=8000.0, face_width_px=75.0),
    condition("opus:8", misses=8, bits_per_pixel=0.05, cutoff_hz=4000.0, face_width_px=150.0),
)


def statistics(bits=0.05, width_px=150.0, cutoff_hz=None, **picture):
    media = MediaStatistics(widths_px=[width_px])
    media.picture = PictureFacts(noise=0.6, bits_per_pixel=bits, **picture)
    if cutoff_hz is not None:
        media.sound.speech = 1
        media.sound.spectrum[: round(cutoff_hz * 512 / RATE_HZ) + 1] = 1.0
    return media


def effects(media, info=INFO, conditions=CONDITIONS, obstacles=NONE):
    quality = complete_quality(media, info, conditions, obstacles)
    return {effect.fact: effect for effect in quality.effects}


@pytest.mark.parametrize(
    ("bits", "expected"), [(0.04, "original"), (0.012, "h264:43"), (0.5, None)]
)
def test_compression_is_compared_with_test_clips_of_as_many_bits(bits, expected):
    effect = effects(statistics(bits))["compression"]
    assert effect.condition == expected
    assert effect.is_degraded is (expected == "h264:43")


def test_another_codec_is_not_compared():
    info = MediaInfo(**{**{f: getattr(INFO, f) for f in INFO.__slots__}, "video_codec": "av1"})
    assert effects(statistics(), info)["compression"].condition is None


def test_each_fact_has_the_conditions_that_vary_it():
    by_fact = effects(statistics(width_px=80.0, cutoff_hz=3900.0))
    assert by_fact["face_size"].condition == "half"
    assert by_fact["bandwidth"].condition == "opus:8"
    assert by_fact["compression"].condition == "original"
    assert by_fact["noise"].condition is None


def test_the_verdicts_on_clips_that_are_alike_are_told():
    message = effects(statistics(0.01))["compression"].message
    assert "Of 42 genuine test clips like this, re-encoded (h264:43), 2 were called fake" in message
    assert "of 40 fakes, 9 were called real and 6 got no verdict" in message


@pytest.mark.parametrize("reason", ["demo_model", "unlike_calibration"])
def test_rates_of_test_clips_are_not_stated_for_other_footage(reason):
    by_fact = effects(statistics(), obstacles=frozenset({reason}))
    assert {effect.condition for effect in by_fact.values()} == {None}
    assert "on footage like this was not measured" in by_fact["compression"].message


def test_without_measured_conditions_the_facts_are_told_alone():
    by_fact = effects(statistics(), conditions=())
    assert "0.050 bits per pixel (h264)" in by_fact["compression"].message
    assert "was not measured" in by_fact["compression"].message


def test_signs_of_earlier_processing_are_told_where_there_are_any():
    assert not {"older_compression", "frame_rate"} & effects(statistics(grid_strength=0.05)).keys()
    signs = statistics(grid_strength=0.6, repeated_share=0.5, is_converted=True)
    by_fact = effects(signs)
    assert {fact for fact, effect in by_fact.items() if effect.is_degraded} == {
        *("older_compression", "frame_rate"),
    }
    assert "compressed before" in by_fact["older_compression"].message
    assert "50% of the pictures repeat" in by_fact["frame_rate"].message


def test_a_file_of_sound_has_no_facts_of_a_picture():
    info = MediaInfo(Path("a.wav"), "0" * 64, 1, 9.0, 0.0, 0, 0, 0, None, "pcm")
    media = MediaStatistics()
    media.sound.speech, media.sound.spectrum[:129] = 1, 1.0
    quality = complete_quality(media, info, CONDITIONS, NONE)
    assert quality.picture is None
    assert quality.sound.cutoff_hz == pytest.approx(4000, abs=200)
    assert [effect.fact for effect in quality.effects] == ["bandwidth"]
    assert np.isfinite(quality.sound.cutoff_hz)
