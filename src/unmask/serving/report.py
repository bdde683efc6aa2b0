"""The output contract: what `unmask analyze` and the service say about one video.

What a phase cannot fill is null or empty, never invented: phase 1 knows no interval, no
uncertainty, no lip-sync score, no ensemble members and no evidence pictures. Schema 2 adds to
schema 1 and changes nothing of it: lip-sync of each person, sound second by second, what the
thresholds promise, and more about evidence and timing.
``Report.model_json_schema()`` is the contract as JSON schema.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

SCHEMA_VERSION = 2

Verdict = Literal["fake", "real", "inconclusive"]
Modality = Literal["video", "audio", "lip_sync"]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Seconds = Annotated[float, Field(ge=0.0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Modalities(_Part):
    """What each kind of evidence says when it is looked at alone."""

    video: Probability | None = Field(description="Of the faces; null where nobody is seen.")
    audio: Probability | None = Field(description="Of the voice; null where nobody speaks.")
    lip_sync: Probability | None = Field(
        default=None, description="Of lips and speech together; null before phase 3."
    )


class Member(_Part):
    """One detector of an ensemble."""

    name: str = Field(description="Which member.")
    fake_probability: Probability = Field(description="What this member alone says.")


class Moment(_Part):
    """A score along time: of one looked-at frame, of a second, or of a moment of sound."""

    time_s: Seconds = Field(description="Presentation time in the video; of a second, its begin.")
    fake_probability: Probability = Field(description="Of this moment; higher is more fake.")


class LipSync(_Part):
    """Whether one person's lips belong to the sound."""

    fake_probability: Probability = Field(
        description="Higher is more out of step, or another's sound."
    )
    offset_ms: float | None = Field(
        description="How late the sound comes, negative where it is early; null where unknown."
    )
    timeline: tuple[Moment, ...] = Field(
        description="Of the seconds around each moment, ascending in time."
    )


class Person(_Part):
    """One person seen in the video."""

    id: int = Field(ge=0, description="Number in order of appearance, from 0.")
    fake_probability: Probability = Field(description="Of this face with the video's sound.")
    frames: int = Field(ge=1, description="Looked-at frames in which the face was found.")
    timeline: tuple[Moment, ...] = Field(description="Frame by frame, ascending in time.")
    seconds: tuple[Moment, ...] = Field(
        default=(), description="Mean of each second in which the face is seen, ascending."
    )
    lip_sync: LipSync | None = Field(
        default=None, description="Null before phase 3, or where it cannot be judged."
    )


class Segment(_Part):
    """A stretch that scores above the verdict's fake threshold.

    Where the detector was calibrated on too few clips for such a threshold, above one half.
    """

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


class Evidence(_Part):
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


class Quality(_Part):
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


class Media(_Part):
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


class Promise(_Part):
    """How often a verdict may be wrong, by split-conformal prediction.

    It holds on average over clips that are exchangeable with those it was calibrated on: drawn
    as they were. It is no promise about footage or forgeries of another kind.
    """

    fpr: Probability = Field(description="Share of genuine clips that may be called fake.")
    fnr: Probability = Field(description="Share of fakes that may be called real.")
    real_clips: int = Field(ge=1, description="Genuine clips it was calibrated on.")
    fake_clips: int = Field(ge=1, description="Fakes it was calibrated on.")


class Model(_Part):
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
    members: int = Field(default=1, ge=1, description="Detectors whose mean is the score.")
    passes: int = Field(
        default=0, ge=0, description="Of MC-dropout by each member, for the interval; 0 is none."
    )
    sync_weight: Probability = Field(
        default=0.0, description="Of lip-sync in the score, where it can be judged."
    )
    promise: Promise | None = Field(
        default=None, description="Of the two thresholds; null where they promise nothing."
    )


class Timing(_Part):
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


class Report(_Part):
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
    modalities: Modalities = Field(description="Each kind of evidence alone.")
    members: tuple[Member, ...] = Field(default=(), description="Ensemble; empty before phase 3.")
    people: tuple[Person, ...] = Field(description="Longest on screen first.")
    audio_timeline: tuple[Moment, ...] = Field(
        default=(), description="The voice, each second in which somebody speaks."
    )
    segments: tuple[Segment, ...] = Field(description="Stretches above the fake threshold.")
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
