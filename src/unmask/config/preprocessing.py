"""What goes into the detector: data, and how it is prepared."""

from dataclasses import dataclass, field

from unmask.config.validators import among
from unmask.errors import ConfigError
from unmask.records import FACE_PX


@dataclass(frozen=True, slots=True)
class DataSettings:
    """What is made of footage that is not the pinned set; ``forge`` adds pseudo-fakes to it."""

    forge: bool = True


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """Which frames are looked at."""

    rate_hz: float = 5.0


@dataclass(frozen=True, slots=True)
class FaceSettings:
    """Detection, landmarks and tracking.

    Attributes:
        min_confidence: Detections below this are dropped, in ``[0, 1]``.
        max_people: At most this many faces per frame.
        max_side_px: A larger picture is detected on after shrinking to this side.
    """

    min_confidence: float = 0.5
    max_people: int = 4
    max_side_px: int = 1280


@dataclass(frozen=True, slots=True)
class AlignSettings:
    """The canonical face; ``method`` is ``similarity`` (five points) or ``box`` (plain crop).

    Attributes:
        crop_px: The contract's; what a model looks at is ``model.input_px``.
    """

    crop_px: int = FACE_PX
    method: str = "similarity"

    def __post_init__(self) -> None:
        """Refuse another size, and a method that does not exist."""
        if self.crop_px != FACE_PX:
            raise ConfigError(
                f"preprocessing.align.crop_px is {self.crop_px}; faces are kept at {FACE_PX}, "
                "change model.input_px"
            )
        among("preprocessing.align.method", self.method, ("similarity", "box"))


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """Optical flow between neighbouring aligned faces."""

    enabled: bool = True


@dataclass(frozen=True, slots=True)
class SpeechSettings:
    """Voice activity; ``method`` is ``silero`` or ``energy``."""

    method: str = "silero"
    threshold: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a method that does not exist."""
        among("preprocessing.speech.method", self.method, ("silero", "energy"))


@dataclass(frozen=True, slots=True)
class LipSettings:
    """Grey mouth crops at a rate that follows speech, for lip-sync."""

    enabled: bool = False
    rate_hz: float = 25.0
    crop_px: int = 48


@dataclass(frozen=True, slots=True)
class PreprocessingSettings:
    """The input spec: stored in every bundle, so serving prepares what training saw."""

    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    faces: FaceSettings = field(default_factory=FaceSettings)
    align: AlignSettings = field(default_factory=AlignSettings)
    flow: FlowSettings = field(default_factory=FlowSettings)
    lips: LipSettings = field(default_factory=LipSettings)
    speech: SpeechSettings = field(default_factory=SpeechSettings)
