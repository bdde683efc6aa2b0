"""What a report says of the detector: which one, how it was calibrated, what it had to pass."""

from typing import Literal

from pydantic import Field

from unmask.serving.report.base import Probability, ReportModel


class ReportedGuarantee(ReportModel):
    """How often a verdict may be wrong, by split-conformal prediction.

    It holds on average over clips that are exchangeable with those it was calibrated on: drawn
    as they were. It is no promise about footage or forgeries of another kind.
    """

    fpr: Probability = Field(description="Share of genuine clips that may be called fake.")
    fnr: Probability = Field(description="Share of fakes that may be called real.")
    real_clips: int = Field(ge=1, description="Genuine clips it was calibrated on.")
    fake_clips: int = Field(ge=1, description="Fakes it was calibrated on.")
    people: int = Field(default=0, ge=0, description="Whose clips those are; 0 if unknown.")


class ReportedThresholds(ReportModel):
    """Above which probability a stretch of one kind of evidence is listed under `segments`.

    Each is exceeded somewhere in at most the promised share of genuine clips that are as long as
    those it was calibrated on; it is one half where those were too few.
    """

    video: Probability = Field(description="Of a face.")
    audio: Probability = Field(description="Of the voice.")
    lip_sync: Probability = Field(description="Of lips and speech together.")


class ReportedGate(ReportModel):
    """What the detector was held against before it was packed."""

    name: str = Field(description="Of the measured number.")
    value: float | None = Field(description="As measured; null where it was not.")
    limit: float = Field(description="Floor or ceiling.")
    direction: Literal["at least", "at most"] = Field(description="Which of the two.")
    level: Literal["required", "reported"] = Field(description="Whether it decides.")
    passed: bool = Field(description="Whether it was kept.")


class Model(ReportModel):
    """Which detector answered."""

    sha256: str = Field(description="Hash of the bundle.")
    phase: int = Field(description="Phase it was built in.")
    profile: str = Field(description="`full`, or `demo` for the small one that proves the chain.")
    frame_backbone: str = Field(description="What looks at each face.")
    voice_backbone: str = Field(description="What listens to the voice.")
    temperature: float = Field(gt=0.0, description="What calibration divides scores by.")
    bias: float = Field(default=0.0, description="What it adds to a clip's score after that.")
    real_below: Probability = Field(description="Verdict `real` below this probability.")
    fake_above: Probability = Field(description="Verdict `fake` above this probability.")
    alarms: ReportedThresholds = Field(
        default=ReportedThresholds(video=0.5, audio=0.5, lip_sync=0.5),
        description="What stands out along time.",
    )
    members: int = Field(default=1, ge=1, description="Detectors whose mean is the score.")
    passes: int = Field(
        default=0, ge=0, description="Of MC-dropout by each member, for the interval; 0 is none."
    )
    sync_weight: Probability = Field(
        default=0.0, description="Of lip-sync in the score, where it can be judged."
    )
    promise: ReportedGuarantee | None = Field(
        default=None, description="Of the two thresholds; null where they promise nothing."
    )
    gates: tuple[ReportedGate, ...] = Field(
        default=(), description="Of its promotion; empty where it was put in place by hand."
    )
