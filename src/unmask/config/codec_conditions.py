"""Codec conditions: names such as ``h264:23``, one codec and one quality level each."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

from unmask.errors import ConfigError

HALF = "half"
MAX_CRF = {"h264": 51, "h265": 51, "vp9": 63, "av1": 63}
KBIT_PER_S = {"aac": (8, 320), "opus": (6, 256)}
GATE_CONDITIONS = ("h264:23", "h265:28")  # the codec gap is the difference of their AUC
# every codec at a high and at a low quality
ALL_CONDITIONS = (
    *("h264:23", "h264:33", "h265:28", "h265:38", "vp9:35", "vp9:50", "av1:35", "av1:50"),
    *("half", "aac:24", "aac:12", "opus:16", "opus:8"),
)
REMEDY = (
    "use half, or a codec and a number: h264, h265 (0 to 51), vp9, av1 (0 to 63), "
    "aac (8 to 320 kbit/s), opus (6 to 256 kbit/s), such as h264:23 or opus:16"
)


@dataclass(frozen=True, slots=True)
class CodecCondition:
    """One way to re-encode a clip.

    Attributes:
        name: As in the settings, such as ``h264:23``.
        codec: ``h264``, ``h265``, ``vp9`` or ``av1`` for video, ``aac`` or ``opus`` for audio.
        level: CRF of video on the codec's own scale, kbit/s of audio.
        half: Whether video is first downscaled to half its width and height.
    """

    name: str
    codec: str
    level: int
    half: bool = False

    @property
    def is_audio(self) -> bool:
        """Whether audio is re-encoded; otherwise it is the video."""
        return self.codec in KBIT_PER_S


def parse_condition(name: str) -> CodecCondition:
    """Parse a condition's name; ``half`` is half the resolution, as H.264 at CRF 23.

    Raises:
        ConfigError: The codec is unknown, or its level is out of range.

    Example:
        >>> parse_condition("opus:16")
        CodecCondition(name='opus:16', codec='opus', level=16, half=False)
    """
    if name == HALF:
        return CodecCondition(name, "h264", 23, half=True)
    codec, _, level = name.partition(":")
    low, high = KBIT_PER_S.get(codec, (0, MAX_CRF.get(codec, -1)))
    if not level.isdecimal() or not low <= int(level) <= high:
        raise ConfigError(f"codec condition {name!r} is unknown; {REMEDY}")
    return CodecCondition(name, codec, int(level))


def _check_condition(name: str) -> str:
    try:
        parse_condition(name)
    except ConfigError as error:
        raise ValueError(REMEDY) from error
    return name


def _check_video_condition(name: str) -> str:
    if parse_condition(_check_condition(name)).is_audio:
        raise ValueError("use a video codec; the sound has augmentation.codec")
    return name


ConditionName = Annotated[str, AfterValidator(_check_condition)]
VideoConditionName = Annotated[str, AfterValidator(_check_video_condition)]
