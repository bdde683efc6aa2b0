"""Quality of the material, and what it does to the detector's verdicts."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from unmask.serving.report.base import Probability, ReportModel, Seconds
from unmask.serving.report.model_card import ReportedVerdicts

QualityFact = Literal[
    "compression", "older_compression", "noise", "frame_rate", "face_size", "bandwidth", "snr"
]


class PictureQuality(ReportModel):
    """Facts of the first pictures that were analyzed, at the rate and size of the file."""

    noise: float | None = Field(
        description="Estimated standard deviation of noise, in grey levels from 0 to 255; fine "
        "texture counts as noise, and compression lowers it."
    )
    bits_per_pixel: float | None = Field(
        description="Of the compressed video, per pixel and picture."
    )
    grid_strength: float | None = Field(
        description="How much more pixels differ across a grid of 8 pixels than elsewhere, as a "
        "share of their mean difference."
    )
    has_block_grid: bool | None = Field(
        description="Whether that grid is strong: the picture was compressed before by JPEG or an "
        "MPEG codec before H.264, or is compressed very strongly."
    )
    repeated_share: Probability | None = Field(
        description="Share of pictures that repeat the one before; null if nothing moves."
    )
    is_converted: bool | None = Field(
        description="Whether they repeat so regularly that the frame rate was raised by repeating "
        "pictures. Blended pictures are not told."
    )


class SoundQuality(ReportModel):
    """Facts of the speech, in the 16 kHz mono sound that the detector hears."""

    cutoff_hz: float | None = Field(
        description="Highest frequency with sound, at most 8000; null without speech."
    )
    snr_db: float | None = Field(
        description="Power of the speech over that of the pauses, in dB; null without half a "
        "second of pauses. Music in the pauses counts as noise."
    )


class ReportedCondition(ReportModel):
    """Verdicts on the test clips as they are, or degraded in one way."""

    condition: str = Field(description="`original`, or codec and quality, such as `h264:33`.")
    video_codec: str | None = Field(description="Of most of these clips.")
    facts: Mapping[str, float] = Field(description="Median of each fact over these clips.")
    verdicts: ReportedVerdicts = Field(description="Verdicts on those that could be scored.")
    lost: int = Field(default=0, ge=0, description="Clips that could not be scored.")


class QualityEffect(ReportModel):
    """A fact of the file, and verdicts on test clips that are like it in this fact."""

    fact: QualityFact = Field(description="Code of the fact.")
    condition: str | None = Field(
        description="Condition of the test clips that are like the file; null if none was measured."
    )
    message: str = Field(description="Fact and verdicts in words.")

    @property
    def is_degraded(self) -> bool:
        """Whether the file is unlike the test clips as they are, as far as that was measured."""
        is_sign = self.fact in ("older_compression", "frame_rate")
        return is_sign or self.condition not in (None, "original")


class Quality(ReportModel):
    """Measured quality of the material."""

    frames_sampled: int = Field(ge=0, description="Sampled frames.")
    frames_with_face: int = Field(ge=0, description="Sampled frames with at least one face.")
    people: int = Field(ge=0, description="People found.")
    face_width_px: float | None = Field(
        description="Mean width of the faces in the shown image; null without a face."
    )
    sharpness: float | None = Field(
        description="Median variance of the Laplacian over aligned grey faces, levels squared; "
        "lower is more blurred; null without a face."
    )
    sound_s: Seconds = Field(description="Length of the analyzed sound.")
    speech_s: Seconds = Field(description="Length of the speech in it.")
    missing_audio_s: Seconds = Field(
        default=0.0, description="Length of the holes in the recorded sound; they count as silence."
    )
    missing_picture_s: Seconds = Field(
        default=0.0, description="Length of the pictures that are missing or do not decode."
    )
    still_share: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        description="Share of sampled frames in which the faces, or the picture without one, do "
        "not move since the frame before; 1 for a single frame, null without video.",
    )
    picture: PictureQuality | None = Field(
        default=None, description="Facts of the picture; null without video, and before schema 5."
    )
    sound: SoundQuality | None = Field(
        default=None, description="Facts of the sound; null without speech, and before schema 5."
    )
    effects: tuple[QualityEffect, ...] = Field(
        default=(),
        description="What each fact does to this detector's verdicts, as measured; empty before "
        "schema 5.",
    )
