"""Model card: the detector's part of the report, with its calibration and gate results."""

from collections.abc import Sequence
from typing import Literal

from pydantic import AliasChoices, Field

from unmask.serving.report.base import Probability, ReportModel
from unmask.serving.report.coverage import Coverage


class ReportedGuarantee(ReportModel):
    """Conformal guarantee: how often a verdict may be wrong.

    It holds on average over clips of new people that are drawn in the same way as those of the
    calibration. It does not hold for footage or forgeries of another kind.
    """

    fpr: Probability = Field(description="Share of genuine clips that may be called fake.")
    fnr: Probability = Field(description="Share of fakes that may be called real.")
    real_clips: int = Field(
        ge=1,
        validation_alias=AliasChoices("real_clips", "reals"),
        description="Genuine calibration clips.",
    )
    fake_clips: int = Field(
        ge=1,
        validation_alias=AliasChoices("fake_clips", "fakes"),
        description="Fake calibration clips.",
    )
    people: int = Field(
        default=0, ge=0, description="Identities in the calibration clips; 0 if unknown."
    )
    folds: int = Field(
        default=0,
        ge=0,
        description="Folds of a cross-fitted calibration: each clip was scored by heads that saw "
        "neither its source nor its person, and the rates hold approximately. 0 for a calibration "
        "on clips that no weight was fitted on.",
    )
    by_person: bool = Field(
        default=False,
        description="Whether the rates hold for clips of new people; in detectors of before "
        "version 0.3 each clip counted by itself, and the rates hold approximately.",
    )
    selection_clips: int = Field(
        default=0,
        ge=0,
        description="Validation clips of other people, on which all was chosen that is chosen by "
        "score, such as the lip-sync weight. 0 where the calibration clips chose it as well, so "
        "that the rates hold approximately.",
    )

    def describe_limits(self) -> str:
        """Return a sentence on the clips that choices were made on, and what follows."""
        if self.folds:
            return (
                f"The calibration is cross-fitted in {self.folds} folds: each clip was scored by "
                "heads that saw neither its source nor its person. "
                "The guarantee holds approximately."
            )
        if self.selection_clips:
            return (
                "What was chosen by score, such as the lip-sync weight, was chosen on "
                f"{self.selection_clips} other clips, of other people."
            )
        return (
            "The calibration clips may also have chosen the epoch and the lip-sync weight, so the "
            "guarantee holds approximately, and true error rates may be higher."
        )


class ReportedKind(ReportModel):
    """Verdicts on the test fakes of one kind, as measured at promotion."""

    manipulation: str = Field(description="Kind of forgery, as the data set names it.")
    family: str = Field(description="Family of its generator.")
    clips: int = Field(ge=1, description="Fakes of this kind.")
    people: int = Field(ge=1, description="People in them.")
    misses: int = Field(ge=0, description="Fakes called real.")
    inconclusive: int = Field(ge=0, description="Fakes without a verdict.")


class ReportedVerdicts(ReportModel):
    """How often verdicts on the test clips were wrong or withheld, as measured at promotion."""

    split: str = Field(description="Split of the clips.")
    reals: int = Field(ge=1, description="Genuine clips.")
    fakes: int = Field(ge=1, description="Fake clips.")
    people: int = Field(ge=1, description="People in them.")
    false_alarms: int = Field(ge=0, description="Genuine clips called fake.")
    misses: int = Field(ge=0, description="Fakes called real.")
    inconclusive_reals: int = Field(ge=0, description="Genuine clips without a verdict.")
    inconclusive_fakes: int = Field(ge=0, description="Fakes without a verdict.")
    fpr: Probability = Field(description="Share of genuine clips called fake.")
    fpr_interval: tuple[Probability, Probability] = Field(
        description="Its exact interval (Clopper-Pearson), which takes clips as independent."
    )
    fnr: Probability = Field(description="Share of fakes called real.")
    fnr_interval: tuple[Probability, Probability] = Field(description="Its exact interval.")
    confidence: Probability = Field(description="Level of both intervals.")
    by_manipulation: tuple[ReportedKind, ...] = Field(
        default=(), description="The fakes of each kind; empty before schema 5."
    )

    def describe(self) -> str:
        """Return both rates with their counts and intervals in a sentence."""
        (a, b), (c, d) = self.fpr_interval, self.fnr_interval
        return (
            f"Of {self.reals} genuine and {self.fakes} fake {self.split} clips of {self.people} "
            f"people, {self.false_alarms} of the genuine ({self.fpr:.1%}; {a:.1%} to {b:.1%}) were "
            f"called fake and {self.misses} of the fakes ({self.fnr:.1%}; {c:.1%} to {d:.1%}) "
            f"real; {self.inconclusive_reals} genuine and {self.inconclusive_fakes} fake clips got "
            "no verdict"
        )


class ReportedThresholds(ReportModel):
    """Segment thresholds: the probability above which `segments` lists a part of the video.

    One half where no genuine calibration clip has that kind of evidence.
    """

    video: Probability = Field(description="For faces.")
    audio: Probability = Field(description="For the voice.")
    lip_sync: Probability = Field(description="For lip-sync.")
    per_hour: float = Field(
        default=0.0,
        ge=0,
        description="Segments above each threshold per hour of genuine footage, at most, on "
        "average, for footage drawn as the calibration clips were; 0 where no rate is stated.",
    )


class ReportedGate(ReportModel):
    """Result of a quality gate at the detector's promotion."""

    name: str = Field(description="Name of the metric.")
    value: float | None = Field(description="Measured value; null if not measured.")
    limit: float = Field(description="Lower or upper limit.")
    direction: Literal["at least", "at most"] = Field(description="Direction of the limit.")
    level: Literal["required", "reported"] = Field(
        description="Whether promotion requires the gate to pass."
    )
    passed: bool = Field(
        description="Whether the value is within the limit; without a value, whether promotion "
        "counts the gate as passed, as where there was no baseline to compare with."
    )

    @property
    def verdict(self) -> str:
        """``passed``, ``missed``, or ``not measured``."""
        if self.value is None:
            return "not measured"
        return "passed" if self.passed else "missed"


class Model(ReportModel):
    """Detector that produced the report."""

    sha256: str = Field(description="Hash of the bundle.")
    phase: int = Field(description="Phase of the project that built it.")
    profile: str = Field(description="`full`, or `demo` for the small demonstration model.")
    frame_backbone: str = Field(
        description="Network for faces; where members have different ones, each with its members."
    )
    voice_backbone: str = Field(description="Network for the voice, in the same way.")
    temperature: float = Field(gt=0.0, description="Divides scores in calibration.")
    bias: float = Field(default=0.0, description="Added to a clip's score after the division.")
    real_below: Probability = Field(description="Verdict `real` below this probability.")
    fake_above: Probability = Field(description="Verdict `fake` above this probability.")
    alarms: ReportedThresholds = Field(
        default=ReportedThresholds(video=0.5, audio=0.5, lip_sync=0.5),
        description="Segment thresholds.",
    )
    members: int = Field(default=1, ge=1, description="Detectors in the ensemble.")
    passes: int = Field(default=0, ge=0, description="MC-dropout passes per member; 0 for none.")
    sync_weight: Probability = Field(
        default=0.0, description="Weight of lip-sync in the score, where it can be judged."
    )
    promise: ReportedGuarantee | None = Field(
        default=None, description="Conformal guarantee of the two thresholds; null without one."
    )
    measured: ReportedVerdicts | None = Field(
        default=None,
        description="Error rates of verdicts on the test clips, to compare with `promise`; null if "
        "no training pipeline promoted the detector, and before schema 4.",
    )
    prevalence: Probability | None = Field(
        default=None,
        description="Share of forged clips that every probability is stated for; null if unknown, "
        "and before schema 4. Verdicts do not depend on it.",
    )
    coverage: Coverage | None = Field(
        default=None,
        description="Kinds of forgeries it was tested on, and which never; null if unknown, and "
        "before schema 5.",
    )
    gates: tuple[ReportedGate, ...] = Field(
        default=(),
        description="Gate results at promotion; empty if no training pipeline promoted it.",
    )
    notes: tuple[str, ...] = Field(
        default=(), description="What it was trained or tested without, one sentence each."
    )


def name_by_member(names: Sequence[str]) -> str:
    """Return the name that all members have, or every name with its members.

    Example:
        >>> name_by_member(["a", "a"])
        'a'
        >>> name_by_member(["a", "b", "a"])
        'a (members 1, 3), b (member 2)'
    """
    numbers: dict[str, list[str]] = {}
    for number, name in enumerate(names, start=1):
        numbers.setdefault(name, []).append(str(number))
    if len(numbers) == 1:
        return names[0]
    return ", ".join(
        f"{name} (member{'s' if len(own) > 1 else ''} {', '.join(own)})"
        for name, own in numbers.items()
    )
