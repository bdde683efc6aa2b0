"""Report schema: the output contract of `unmask analyze` and of the service.

Fields that a phase cannot fill are null or empty, never invented: phase 1 has no interval, no
uncertainty, no lip-sync score, no ensemble members and no evidence images. Schema 2 only adds to
schema 1: lip-sync per person, the voice per second, the conformal guarantee, more about evidence
and timing, and what a page needs for drawing (face boxes, offsets along time, waveform peaks).
Schema 3 adds the reason of an inconclusive verdict, and withholds scores where the demonstration
model does not judge. Schema 4 gives all reasons with their words, the measured error rates and the
prevalence, and an interval of the probability; what older schemas call so is ``dropout_range``.
Schema 5 adds the provenance of the file, the chain of custody, a signature, more facts of the
material with the verdicts measured on such clips, and the kinds of forgeries that were tested.
Reports of every older schema are still read.
``Report.model_json_schema()`` is the contract as a JSON schema.
"""

from typing import Any, Literal, Self

from pydantic import AliasChoices, AliasPath, Field, model_validator

from unmask.records import Reason, Verdict
from unmask.serving.report.attack_flag import AttackSigns
from unmask.serving.report.base import Probability, ReportModel, Seconds
from unmask.serving.report.custody import Custody, Signature
from unmask.serving.report.model_card import Model
from unmask.serving.report.provenance import Provenance
from unmask.serving.report.quality import Quality
from unmask.serving.report.reasons import ReportedReason, describe_reasons
from unmask.serving.report.speaking import Speaking

SCHEMA_VERSION = 5

Modality = Literal["video", "audio", "lip_sync"]


class Modalities(ReportModel):
    """Fake probability of each kind of evidence alone."""

    video: Probability | None = Field(description="Of the faces; null without a face.")
    audio: Probability | None = Field(description="Of the voice; null without speech.")
    lip_sync: Probability | None = Field(
        default=None, description="Of lip-sync; null before phase 3."
    )


class Member(ReportModel):
    """One detector of an ensemble."""

    name: str = Field(description="Name of the member.")
    fake_probability: Probability = Field(description="Score of this member alone.")


class ScorePoint(ReportModel):
    """Score at one point in time: of a frame, a second, or a moment of sound."""

    time_s: Seconds = Field(description="Presentation time in the video; the start of a second.")
    fake_probability: Probability = Field(description="Score at this time; higher is more fake.")


class SyncOffset(ReportModel):
    """Offset between lips and sound around one moment."""

    time_s: Seconds = Field(description="Presentation time in the video.")
    offset_ms: float = Field(
        ge=-600.0, le=600.0, description="Delay of the sound; negative where it is early."
    )


class LipSync(ReportModel):
    """Lip-sync of one person."""

    fake_probability: Probability = Field(
        description="Higher for lips out of sync, or for another person's voice."
    )
    offset_ms: float | None = Field(
        description="Delay of the sound, negative where it is early; null if unknown."
    )
    timeline: tuple[ScorePoint, ...] = Field(
        description="Scores of the seconds around each moment, ascending in time."
    )
    offsets: tuple[SyncOffset, ...] = Field(
        default=(), description="Offset of best agreement at the same moments."
    )


class Box(ReportModel):
    """Face in one sampled frame, in pixels from the top left of the shown image.

    The shown image is ``media.width`` by ``media.height``; a face may extend beyond it.
    """

    time_s: Seconds = Field(description="Presentation time in the video.")
    x: float = Field(description="Left edge.")
    y: float = Field(description="Top edge.")
    width: float = Field(ge=0.0, description="Width.")
    height: float = Field(ge=0.0, description="Height.")


class Person(ReportModel):
    """One person seen in the video."""

    id: int = Field(ge=0, description="Number in order of appearance, from 0.")
    fake_probability: Probability = Field(description="Score of this face with the video's sound.")
    frames: int = Field(ge=1, description="Sampled frames in which the face was found.")
    timeline: tuple[ScorePoint, ...] = Field(description="Score per frame, ascending in time.")
    seconds: tuple[ScorePoint, ...] = Field(
        default=(), description="Mean score of each second in which the face is seen, ascending."
    )
    lip_sync: LipSync | None = Field(
        default=None, description="Null before phase 3, or where it cannot be judged."
    )
    boxes: tuple[Box, ...] = Field(
        default=(), description="Face in each frame of `timeline`, ascending in time."
    )


class WaveformPeaks(ReportModel):
    """Peak amplitudes along time, for drawing, of the 16 kHz mono sound."""

    start_s: Seconds = Field(description="Start in the video.")
    step_s: float = Field(gt=0.0, description="Length of each step.")
    peaks: tuple[Probability, ...] = Field(
        description="Peak amplitude of each step; 1 is full scale. At most 1200 steps."
    )


class Segment(ReportModel):
    """Flagged segment: a part of the video that scores above the model's segment threshold."""

    modality: Modality = Field(description="Kind of evidence.")
    person: int | None = Field(description="Number of the person; null for the voice.")
    start_s: Seconds = Field(description="Start in the video.")
    end_s: Seconds = Field(description="End in the video.")
    fake_probability: Probability = Field(description="Mean score of the segment.")

    @model_validator(mode="after")
    def _refuse_backward_time(self) -> Self:
        if self.end_s < self.start_s:
            raise ValueError(f"segment ends at {self.end_s} s before it starts at {self.start_s} s")
        return self


class Evidence(ReportModel):
    """Evidence for a person who reviews the video."""

    kind: str = Field(description="Kind of evidence, for example `heat_map`.")
    person: int | None = Field(description="Number of the person; null for the voice.")
    time_s: Seconds | None = Field(description="Time in the video; null if it is about all of it.")
    description: str = Field(description="Description in words.")
    fake_probability: Probability | None = Field(
        default=None, description="Score of what is shown; null without one."
    )
    faithfulness: float | None = Field(
        default=None,
        description="Drop of the score, in log-odds, when genuine features (for the voice, "
        "silence) take the place of the highlighted part. Before schema 4 the part was blurred, "
        "which looks forged itself.",
    )
    random_drop: float | None = Field(
        default=None, description="Mean drop when random parts of the same size are removed."
    )
    insertion: float | None = Field(
        default=None,
        description="Rise of the score of a genuine face, in log-odds, with the highlighted part; "
        "null for the voice.",
    )
    random_insertion: float | None = Field(
        default=None, description="Mean rise with random parts of the same size."
    )
    p_value: float | None = Field(
        default=None,
        gt=0.0,
        le=1.0,
        description="Share of random parts whose drop and rise together are at least as large, "
        "counting the highlighted part as one of them.",
    )
    is_supported: bool | None = Field(
        default=None,
        description="Whether the highlighted part matters more than random parts, that is, whether "
        "`p_value` is at most 0.05; only then anything is highlighted. Null where that was not "
        "measured.",
    )
    file: str | None = Field(
        default=None, description="Name of the image; null for a frame without a heat map."
    )
    original: str | None = Field(
        default=None, description="Name of the same image without the drawing."
    )
    importance: tuple[tuple[float, float], ...] = Field(
        default=(), description="Time in the video and weight in [0, 1], for the voice."
    )


class SoundTrack(ReportModel):
    """One audio stream of the file."""

    index: int = Field(ge=0, description="Index of the stream in the file.")
    codec: str | None = Field(description="Null if the codec is unknown.")
    language: str | None = Field(description="As the file states it; null if it states none.")
    channels: int = Field(ge=0, description="Number of channels.")
    is_default: bool = Field(description="Whether the file marks it as a default track.")
    is_analyzed: bool = Field(description="Whether this is the track that was analyzed.")

    @property
    def description(self) -> str:
        """The track in a few words, for people to read."""
        facts = [f"{self.index}: {self.codec or 'unknown codec'}", self.language]
        facts += [f"{self.channels} channel(s)", "default" if self.is_default else None]
        facts += ["analyzed" if self.is_analyzed else None]
        return ", ".join(fact for fact in facts if fact)


class Media(ReportModel):
    """Properties of the file."""

    file: str = Field(
        validation_alias=AliasChoices("file", AliasPath("path", "name")),
        description="Name of the file, without its folder.",
    )
    sha256: str = Field(description="Hash of the file.")
    size_bytes: int = Field(ge=0, description="Size of the file.")
    duration_s: Seconds = Field(description="Length stated by the container.")
    width: int = Field(ge=0, description="Square pixels as a player shows it; 0 without video.")
    height: int = Field(ge=0, description="Square pixels as a player shows it; 0 without video.")
    rotation_deg: int = Field(description="Clockwise rotation that a player applies.")
    mirrored: bool = Field(
        default=False, description="Whether a player then exchanges left and right."
    )
    tilt_deg: float = Field(
        default=0.0, description="Clockwise rotation that the file states beyond; not applied."
    )
    hdr: str | None = Field(
        default=None, description="`pq` or `hlg` for HDR video, which is tone-mapped."
    )
    fps: float = Field(ge=0.0, description="Mean frame rate; 0 without video.")
    video_codec: str | None = Field(description="Null without video.")
    audio_codec: str | None = Field(description="Null without audio.")
    sound_tracks: tuple[SoundTrack, ...] = Field(
        default=(), description="All audio streams; one of them is analyzed."
    )


class Timing(ReportModel):
    """Processing time per stage, in seconds."""

    decode: Seconds = Field(description="Decoding video and audio.")
    faces: Seconds = Field(description="Detecting, landmarking and tracking faces.")
    align: Seconds = Field(description="Aligning faces.")
    flow: Seconds = Field(description="Optical flow; 0 where the detector uses none.")
    speech: Seconds = Field(description="Voice activity detection.")
    frame_model: Seconds = Field(description="Network for faces.")
    voice_model: Seconds = Field(description="Network for the voice.")
    lips: Seconds = Field(default=0.0, description="Cropping mouths.")
    sync_model: Seconds = Field(default=0.0, description="Network for lip-sync.")
    evidence: Seconds = Field(default=0.0, description="Computing and drawing evidence.")
    rest: Seconds = Field(description="Everything else: hashing, fusion, building the report.")
    total: Seconds = Field(description="Wall-clock time from path to report.")


class Report(ReportModel):
    """Deepfake analysis of one video.

    A score measures the similarity to known forgeries. It is not a judgement on a person.
    """

    schema_version: int = Field(default=SCHEMA_VERSION, description="Version of this schema.")
    verdict: Verdict = Field(description="`inconclusive` where no other verdict is warranted.")
    reason: Reason | None = Field(
        default=None,
        description="Code of the first of `reasons`; null for other verdicts, and in reports of "
        "schema 1 and 2.",
    )
    reasons: tuple[ReportedReason, ...] = Field(
        default=(),
        description="Why the verdict is `inconclusive`, the most important first; empty for other "
        "verdicts, and in reports before schema 4.",
    )
    fake_probability: Probability | None = Field(
        description="Calibrated, higher is more fake; null where nothing could be scored, and "
        "where the reason is `demo_model`."
    )
    confidence_interval: tuple[Probability, Probability] | None = Field(
        default=None,
        description="95 % interval of the probability that calibration on unlimited clips like the "
        "calibration clips would give, by resampling their people and the members of an ensemble; "
        "null where too few people calibrated the detector, and before schema 4.",
    )
    dropout_range: tuple[Probability, Probability] | None = Field(
        default=None,
        description="Range of the middle 95 % of repeated predictions and `fake_probability`; null "
        "before phase 2. Called `confidence_interval` before schema 4.",
    )
    uncertainty_score: float | None = Field(
        default=None,
        ge=0.0,
        description="Variance of repeated predictions over their mean; null before phase 2.",
    )
    repeated_mean: Probability | None = Field(
        default=None, description="Mean of repeated predictions; null before phase 2."
    )
    repeated_variance: float | None = Field(
        default=None, ge=0.0, description="Their variance; null before phase 2."
    )
    modalities: Modalities = Field(description="Each kind of evidence alone.")
    members: tuple[Member, ...] = Field(default=(), description="Ensemble; empty before phase 3.")
    members_spread: float | None = Field(
        default=None,
        ge=0.0,
        description="Standard deviation of the members' scores; null before phase 3.",
    )
    people: tuple[Person, ...] = Field(description="Longest on screen first.")
    audio_timeline: tuple[ScorePoint, ...] = Field(
        default=(), description="Score of the voice in each second with speech."
    )
    envelope: WaveformPeaks | None = Field(default=None, description="Null without sound.")
    segments: tuple[Segment, ...] = Field(description="Flagged segments.")
    evidence: tuple[Evidence, ...] = Field(default=(), description="Empty before phase 3.")
    speaking: Speaking | None = Field(
        default=None, description="Who speaks when; null in older reports."
    )
    quality: Quality = Field(description="Quality of the material.")
    notes: tuple[str, ...] = Field(description="Caveats on the verdict.")
    media: Media = Field(description="The file.")
    model: Model = Field(description="The detector.")
    timing_s: Timing = Field(description="Processing time in seconds.")
    attack: AttackSigns | None = Field(
        default=None,
        description="Signs of an adversarial perturbation; null without faces, for a detector of "
        "which it was not measured, and before schema 5.",
    )
    provenance: Provenance | None = Field(
        default=None, description="Where the file says that it comes from; null before schema 5."
    )
    custody: Custody | None = Field(
        default=None, description="How the report came about; null before schema 5."
    )
    signature: Signature | None = Field(
        default=None, description="Over all other fields; null in a report that is not signed."
    )

    @model_validator(mode="before")
    @classmethod
    def _rename_what_older_schemas_called_an_interval(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("schema_version", SCHEMA_VERSION) >= 4:
            return values
        kept = {name: value for name, value in values.items() if name != "confidence_interval"}
        return kept | {"dropout_range": values.get("confidence_interval")}

    @property
    def reason_messages(self) -> tuple[str, ...]:
        """Every reason in words, also of reports that give only one code."""
        only = () if self.reason is None else (self.reason,)
        return tuple(reason.message for reason in self.reasons or describe_reasons(only))

    @property
    def speaking_lines(self) -> tuple[str, ...]:
        """Who speaks, in words; none in older reports."""
        return () if self.speaking is None else self.speaking.lines

    @property
    def quality_lines(self) -> tuple[str, ...]:
        """What the material is like and what that does to verdicts; none in older reports."""
        return tuple(effect.message for effect in self.quality.effects)

    @property
    def degradation_lines(self) -> tuple[str, ...]:
        """Those of ``quality_lines`` on which the file differs from the test clips."""
        return tuple(each.message for each in self.quality.effects if each.is_degraded)

    @property
    def coverage_lines(self) -> tuple[str, ...]:
        """What the detector was tested on, in words; none in older reports."""
        return () if self.model.coverage is None else self.model.coverage.messages

    @property
    def attack_lines(self) -> tuple[str, ...]:
        """What the faces say about an adversarial attack; none in older reports."""
        return () if self.attack is None else (self.attack.message,)

    @property
    def provenance_lines(self) -> tuple[str, ...]:
        """Where the file says that it comes from, in words; none in older reports."""
        return () if self.provenance is None else self.provenance.messages

    @model_validator(mode="after")
    def _refuse_a_verdict_without_a_score(self) -> Self:
        if self.fake_probability is None and self.verdict != "inconclusive":
            raise ValueError(f"verdict {self.verdict!r} without a probability")
        return self

    @model_validator(mode="after")
    def _refuse_a_reason_of_another_verdict(self) -> Self:
        if self.reason is not None and self.verdict != "inconclusive":
            raise ValueError(f"verdict {self.verdict!r} with the reason {self.reason!r}")
        if self.reasons and self.reasons[0].code != self.reason:
            raise ValueError(f"reason {self.reason!r} is not the first of the reasons")
        return self
