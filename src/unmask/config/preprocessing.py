"""Settings of data and of its preprocessing, the input specification of a detector."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from unmask.config.base import Fraction, SettingsModel, Text
from unmask.records import FACE_PX


class DataSetSettings(SettingsModel):
    """A data set of a run, as `--data NAME=FOLDER:ROLE:WEIGHT` names one."""

    name: Text = Field(description="Names the source of its clips; letters, digits, -, _ and `.`.")
    folder: Text = Field(min_length=1, description="Folder of the data set.")
    role: Literal["train", "test", "both", "sealed"] = Field(
        default="both", description="What its clips are used for."
    )
    weight: float | None = Field(
        default=None,
        gt=0,
        description="Share of its clips in training, as `training.source_weights` gives one.",
    )


class DataSettings(SettingsModel):
    """Data beside the pinned set."""

    sources: Annotated[tuple[DataSetSettings, ...], Field(strict=False)] = Field(
        default=(), description="Data sets of a run that is given none by `--data`."
    )
    forge: bool = Field(
        default=True,
        description="With `--data FOLDER`: also synthesise pseudo-fakes from its genuine clips of "
        "split train.",
    )
    forge_held_out: bool = Field(
        default=False,
        description="With `--data FOLDER`: also synthesise pseudo-fakes from its genuine clips of "
        "splits val and test. They are a row of their own in the evaluation and move no metric, "
        "threshold or gate.",
    )
    sealed_share: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="With `--data FOLDER`: share of the clips to put into a sealed test split, "
        "where the data set assigns no splits. `python -m pipelines release` alone scores it.",
    )


class SamplingSettings(SettingsModel):
    """Video frame sampling."""

    rate_hz: float = Field(default=5.0, gt=0, description="Frames sampled per second of video.")


class FaceSettings(SettingsModel):
    """Face detection, landmarks and tracking."""

    min_confidence: Fraction = Field(
        default=0.5,
        description="Detections with a lower score are dropped; the detectors give none below 0.5.",
    )
    max_people: int = Field(default=4, ge=1, description="Maximum number of faces per frame.")
    max_side_px: int = Field(
        default=1280,
        ge=1,
        description="Frames with a longer side, in pixels, are downscaled to it for detection.",
    )


class AlignSettings(SettingsModel):
    """Alignment of each face to the canonical crop."""

    crop_px: int = Field(
        default=FACE_PX,
        description="Side of the stored crop; fixed. The detector's own input size is "
        "`model.input_px`.",
    )
    method: Literal["similarity", "box"] = Field(
        default="similarity",
        description="`similarity` aligns five landmarks, `box` crops the detection.",
    )

    @field_validator("crop_px")
    @classmethod
    def _check_crop(cls, value: int) -> int:
        if value != FACE_PX:
            raise ValueError(f"crops are stored at {FACE_PX} pixels, change model.input_px")
        return value


class FlowSettings(SettingsModel):
    """Optical flow between consecutive aligned faces."""

    enabled: bool = Field(default=True, description="Compute optical flow.")


class SpeechSettings(SettingsModel):
    """Voice activity detection (VAD)."""

    method: Literal["silero", "energy"] = Field(
        default="silero", description="`silero` is a neural VAD, `energy` a loudness threshold."
    )
    threshold: float = Field(
        default=0.5, description="Speech probability (or relative energy) that counts as speech."
    )


class LipSettings(SettingsModel):
    """Grey mouth crops for the lip-sync model."""

    enabled: bool = Field(default=False, description="Cut out mouth crops.")
    rate_hz: float = Field(default=25.0, gt=0, description="Mouth crops per second of video.")
    crop_px: int = Field(default=48, ge=1, description="Side of a mouth crop in pixels.")
    active_speaker: bool = Field(
        default=True,
        description="With mouth crops: judge lip-sync only where the person speaks, and the voice "
        "of somebody who is not seen to speak by itself.",
    )


class SourceFaceSettings(SettingsModel):
    """Crops of the face before alignment, from which training forges and degrades faces."""

    enabled: bool = Field(
        default=False,
        description="Store crops of the training clips' faces as they are in the file; required "
        "to forge faces online (`training.fake_source`, `training.forged_parts`).",
    )
    max_side_px: int = Field(
        default=512,
        ge=256,
        description="Crops with a longer side, in pixels, are downscaled to it.",
    )


class PreprocessingSettings(SettingsModel):
    """Input specification, stored in every bundle: serving prepares what training saw."""

    sampling: SamplingSettings = Field(
        default_factory=SamplingSettings, description="Video frame sampling."
    )
    faces: FaceSettings = Field(
        default_factory=FaceSettings, description="Face detection, landmarks and tracking."
    )
    align: AlignSettings = Field(
        default_factory=AlignSettings, description="Alignment to the canonical crop."
    )
    flow: FlowSettings = Field(
        default_factory=FlowSettings, description="Optical flow between aligned faces."
    )
    lips: LipSettings = Field(
        default_factory=LipSettings, description="Mouth crops for the lip-sync model."
    )
    speech: SpeechSettings = Field(
        default_factory=SpeechSettings, description="Voice activity detection."
    )
    source_faces: SourceFaceSettings = Field(
        default_factory=SourceFaceSettings,
        description="Faces before alignment, for training alone.",
    )

    def without_source_faces(self) -> "PreprocessingSettings":
        """Return the settings of everything but training, which alone needs the source faces."""
        return self.replace(source_faces=SourceFaceSettings())
