"""Cells of the codec table: one codec each, and how hard it presses."""

from dataclasses import dataclass

from unmask.errors import ConfigError

HALF = "half"
WORST_CRF = {"h264": 51, "h265": 51, "vp9": 63, "av1": 63}
KBIT_PER_S = {"aac": (8, 320), "opus": (6, 256)}
# what `unmask codecs` measures where nobody says what: every codec, at ease and pressed hard
DEFAULT_CONDITIONS = (
    *("h264:23", "h264:33", "h265:28", "h265:38", "vp9:35", "vp9:50", "av1:35", "av1:50"),
    *("half", "aac:24", "aac:12", "opus:16", "opus:8"),
)
REMEDY = (
    "use half, or a codec and a number: h264, h265 (0 to 51), vp9, av1 (0 to 63), "
    "aac (8 to 320 kbit/s), opus (6 to 256 kbit/s), such as h264:23 or opus:16"
)


@dataclass(frozen=True, slots=True)
class CodecCondition:
    """One way to encode a clip again.

    Attributes:
        name: As in the settings, such as ``h264:23``.
        codec: ``h264``, ``h265``, ``vp9`` or ``av1`` for the picture, ``aac`` or ``opus`` for
            the sound.
        level: CRF of a picture on the codec's own scale, kbit/s of a sound.
        half: Whether the picture is shrunk to half its width and height first.
    """

    name: str
    codec: str
    level: int
    half: bool = False

    @property
    def is_audio(self) -> bool:
        """Whether the sound is encoded again, and not the picture."""
        return self.codec in KBIT_PER_S


def parse_condition(name: str) -> CodecCondition:
    """Read a cell's name; ``half`` is half the size, as H.264 at CRF 23.

    Raises:
        ConfigError: There is no such codec, or it knows no such level.

    Example:
        >>> cell_of("opus:16")
        Cell(name='opus:16', codec='opus', level=16, half=False)
    """
    if name == HALF:
        return CodecCondition(name, "h264", 23, half=True)
    codec, _, level = name.partition(":")
    low, high = KBIT_PER_S.get(codec, (0, WORST_CRF.get(codec, -1)))
    if not level.isdecimal() or not low <= int(level) <= high:
        raise ConfigError(f"codecs.cells: {name!r} is unknown; {REMEDY}")
    return CodecCondition(name, codec, int(level))
