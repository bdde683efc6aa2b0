"""The output contract: what `unmask analyze` and the service say about one video.

What a phase cannot fill is null or empty, never invented: phase 1 knows no interval, no
uncertainty, no lip-sync score, no ensemble members and no evidence pictures. Schema 2 adds to
schema 1 and changes nothing of it: lip-sync of each person, sound second by second, what the
thresholds promise, more about evidence and timing, and what a page needs to draw: where the faces
are, offsets along time, the sound's loudness.
``Report.model_json_schema()`` is the contract as JSON schema.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from unmask.serving.report.base import Probability, ReportModel, Seconds
from unmask.serving.report.model_card import Model

SCHEMA_VERSION = 2

Verdict = Literal["fake", "real", "inconclusive"]
Modality = Literal["video", "audio", "lip_sync"]


class Modalities(ReportModel):
    """What each kind of evidence says when it is looked at alone."""

    video: Probability | None = Field(description="Of the faces; null where nobody is seen.")
    audio: Probability | None = Field(description="Of the voice; null where nobody speaks.")
    lip_sync: Probability | None = Field(
        default=None, description="Of lips and speech together; null before phase 3."
    )


class Member(ReportModel):
    """One detector of an ensemble."""

    name: str = Field(description="Which member.")
    fake_probability: Probability = Field(description="What this member alone says.")


class ScorePoint(ReportModel):
    """A score along time: of one looked-at frame, of a second, or of a moment of sound."""

    time_s: Seconds = Field(description="Presentation time in the video; of a second, its begin.")
    fake_probability: Probability = Field(description="Of this moment; higher is more fake.")


class SyncOffset(ReportModel):
    """How far the sound is off around one moment."""

    time_s: Seconds = Field(description="Presentation time in the video.")
    offset_ms: float = Field(
        ge=-600.0, le=600.0, description="How late the sound comes; negative where it is early."
    )


class LipSync(ReportModel):
    """Whether one person's lips belong to the sound."""

    fake_probability: Probability = Field(
        description="Higher is more out of step, or another's sound."
    )
    offset_ms: float | None = Field(
        description="How late the sound comes, negative where it is early; null where unknown."
    )
    timeline: tuple[ScorePoint, ...] = Field(
        description="Of the seconds around each moment, ascending in time."
    )
    offsets: tuple[SyncOffset, ...] = Field(
        default=(), description="Of the same moments: at which shift lips and sound agree best."
    )


class Box(ReportModel):
    """Where a face is in one looked-at frame, in pixels of the shown picture from its left top.

    The shown picture is ``media.width`` by ``media.height``; a face may reach beyond it.
    """

    time_s: Seconds = Field(description="Presentation time in the video.")
    x: float = Field(description="Left edge.")
    y: float = Field(description="Top edge.")
    width: float = Field(ge=0.0, description="To the right.")
    height: float = Field(ge=0.0, description="Downwards.")


class Person(ReportModel):
    """One person seen in the video."""

    id: int = Field(ge=0, description="Number in order of appearance, from 0.")
    fake_probability: Probability = Field(description="Of this face with the video's sound.")
    frames: int = Field(ge=1, description="Looked-at frames in which the face was found.")
    timeline: tuple[ScorePoint, ...] = Field(description="Frame by frame, ascending in time.")
    seconds: tuple[ScorePoint, ...] = Field(
        default=(), description="Mean of each second in which the face is seen, ascending."
    )
    lip_sync: LipSync | None = Field(
        default=None, description="Null before phase 3, or where it cannot be judged."
    )
    boxes: tuple[Box, ...] = Field(
        default=(), description="The face in each frame of `timeline`, ascending in time."
    )


class WaveformPeaks(ReportModel):
    """How loud the sound is along time, to be drawn: the 16 kHz mono that the detector heard."""

    start_s: Seconds = Field(description="Where in the video it begins.")
    step_s: float = Field(gt=0.0, description="Length of each step.")
    peaks: tuple[Probability, ...] = Field(
        description="Largest amplitude of each step; 1 is full scale. At most 1200 steps."
    )


class Segment(ReportModel):
    """A stretch that scores above what genuine footage does; see the model's `alarms`."""

    modality: Modality = Field(description="Which evidence.")
    person: int | None = Field(description="Whose face; null for sound.")
    start_s: Seconds = Field(description="Begin in the video.")
    end_s: Seconds = Field(description="End in the video.")
    fake_probability: Probability = Field(description="Mean over the stretch.")

    @model_validator(mode="after")
    def _refuse_backward_time(self) -> Self:
        if self.end_s < self.start_s:
            raise ValueError(f"segment ends at {self.end_s} s before it starts at {self.start_s} s")
        return self


class Evidence(ReportModel):
    """Something to look at, for a person who has to decide."""

    kind: str = Field(description="What it is, for example a heat map.")
    person: int | None = Field(description="Whose face; null for sound.")
    time_s: Seconds | None = Field(description="Where in the video; null where it is about all.")
    description: str = Field(description="What it shows, in words.")
    fake_probability: Probability | None = Field(
        default=None, description="Of what is shown; null where it has none."
    )
    faithfulness: float | None = Field(
        default=None,
        description="Fall of the score, in log-odds, without the part that is pointed at.",
    )
    random_drop: float | None = Field(
        default=None, description="The same without as much elsewhere, on average."
    )
    file: str | None = Field(default=None, description="Name of the picture; null without one.")
    original: str | None = Field(
        default=None, description="Name of the same picture with nothing drawn into it."
    )
    importance: tuple[tuple[float, float], ...] = Field(
        default=(), description="Time in the video and weight in [0, 1], of sound."
    )


class Quality(ReportModel):
    """Measured facts that say how far the scores can be trusted."""

    frames_sampled: int = Field(ge=0, description="Frames looked at.")
    frames_with_face: int = Field(ge=0, description="Of these, frames with at least one face.")
    people: int = Field(ge=0, description="Different people found.")
    face_width_px: float | None = Field(
        description="Mean width of the faces in the shown picture; null where nobody is seen."
    )
    sharpness: float | None = Field(
        description="Median variance of the Laplacian over aligned grey faces, levels squared; "
        "lower is more blurred; null where nobody is seen."
    )
    sound_s: Seconds = Field(description="Length of the sound that was heard.")
    speech_s: Seconds = Field(description="Of this, seconds in which somebody speaks.")


class Media(ReportModel):
    """What the file says of itself."""

    file: str = Field(description="Name of the file, without its folder.")
    sha256: str = Field(description="Hash of the bytes.")
    size_bytes: int = Field(ge=0, description="Size.")
    duration_s: Seconds = Field(description="Length the container states.")
    width: int = Field(ge=0, description="Pixels as shown, rotation applied; 0 without picture.")
    height: int = Field(ge=0, description="Pixels as shown, rotation applied; 0 without picture.")
    rotation_deg: int = Field(description="Clockwise turn that a player applies.")
    fps: float = Field(ge=0.0, description="Mean frame rate; 0 without picture.")
    video_codec: str | None = Field(description="Null without picture.")
    audio_codec: str | None = Field(description="Null without sound.")


class Timing(ReportModel):
    """Seconds of work, stage by stage."""

    decode: Seconds = Field(description="Reading pictures and sound.")
    faces: Seconds = Field(description="Finding, landmarking and tracking faces.")
    align: Seconds = Field(description="Cutting the canonical faces.")
    flow: Seconds = Field(description="Optical flow; 0 where the detector takes none.")
    speech: Seconds = Field(description="Finding speech.")
    frame_model: Seconds = Field(description="The network that looks at faces.")
    voice_model: Seconds = Field(description="The network that listens.")
    lips: Seconds = Field(default=0.0, description="Cutting out mouths.")
    sync_model: Seconds = Field(
        default=0.0, description="The network that compares lips and sound."
    )
    evidence: Seconds = Field(default=0.0, description="Finding and drawing what to look at.")
    rest: Seconds = Field(description="All else: hashing, fusion, writing this report.")
    total: Seconds = Field(description="Wall clock from path to report.")


class Report(ReportModel):
    """One video's verdict: what, who, when, how sure, on what grounds.

    A score is a measured likeness to known forgeries, not a judgement on a person.
    """

    schema_version: int = Field(default=SCHEMA_VERSION, description="Of this contract.")
    verdict: Verdict = Field(description="`inconclusive` between the thresholds or unscored.")
    fake_probability: Probability | None = Field(
        description="Calibrated, higher is more fake; null where nothing could be scored."
    )
    confidence_interval: tuple[Probability, Probability] | None = Field(
        default=None,
        description="Holds the middle 95 % of repeated answers, and the one given; "
        "null before phase 2.",
    )
    uncertainty_score: float | None = Field(
        default=None,
        ge=0.0,
        description="Variance of repeated answers over their mean; null before phase 2.",
    )
    repeated_mean: Probability | None = Field(
        default=None, description="Mean of repeated answers; null before phase 2."
    )
    repeated_variance: float | None = Field(
        default=None, ge=0.0, description="Their variance; null before phase 2."
    )
    modalities: Modalities = Field(description="Each kind of evidence alone.")
    members: tuple[Member, ...] = Field(default=(), description="Ensemble; empty before phase 3.")
    members_spread: float | None = Field(
        default=None,
        ge=0.0,
        description="Standard deviation of what the members say; null before phase 3.",
    )
    people: tuple[Person, ...] = Field(description="Longest on screen first.")
    audio_timeline: tuple[ScorePoint, ...] = Field(
        default=(), description="The voice, each second in which somebody speaks."
    )
    envelope: WaveformPeaks | None = Field(default=None, description="Null without sound.")
    segments: tuple[Segment, ...] = Field(description="Stretches that stand out.")
    evidence: tuple[Evidence, ...] = Field(default=(), description="Empty before phase 3.")
    quality: Quality = Field(description="Measured facts about the material.")
    notes: tuple[str, ...] = Field(description="What a reader of the verdict must know.")
    media: Media = Field(description="The file.")
    model: Model = Field(description="The detector.")
    timing_s: Timing = Field(description="Seconds of work.")

    @model_validator(mode="after")
    def _refuse_a_verdict_without_a_score(self) -> Self:
        if self.fake_probability is None and self.verdict != "inconclusive":
            raise ValueError(f"verdict {self.verdict!r} without a probability")
        return self
