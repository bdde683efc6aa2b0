"""Names of codec conditions."""

import pytest

from unmask.config.codec_conditions import (
    ALL_CONDITIONS,
    CodecCondition,
    parse_condition,
)
from unmask.errors import ConfigError


def test_a_name_holds_a_codec_and_a_level():
    assert parse_condition("h265:28") == CodecCondition("h265:28", "h265", 28)
    assert not parse_condition("h265:28").is_audio
    assert parse_condition("aac:24").is_audio


def test_half_is_half_the_resolution():
    assert parse_condition("half") == CodecCondition("half", "h264", 23, half=True)


def test_the_default_conditions_cover_every_codec():
    codecs = {parse_condition(name).codec for name in ALL_CONDITIONS}
    assert codecs == {"h264", "h265", "vp9", "av1", "aac", "opus"}


@pytest.mark.parametrize(
    "name", ["theora:20", "h264", "h264:52", "aac:4", "aac:321", "opus:x", "half:2", ""]
)
def test_an_unknown_codec_or_level_is_refused(name):
    with pytest.raises(ConfigError, match=f"'{name}' is unknown; use half, or a codec"):
        parse_condition(name)
