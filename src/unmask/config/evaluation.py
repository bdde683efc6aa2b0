"""Settings of evaluation: uncertainty, metrics, attacks, codecs and gates."""

from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from unmask.config.base import OpenFraction, SettingsModel, Text
from unmask.config.codec_conditions import ConditionName
from unmask.config.training import TrainingSettings


class UncertaintySettings(SettingsModel):
    """Uncertainty of a score, and error rates that the verdict guarantees."""

    passes: int = Field(default=0, ge=0, description="MC-dropout samples; 0 turns it off.")
    fpr: OpenFraction = Field(
        default=0.01,
        description="Target false positive rate of the conformal guarantee: share of genuine "
        "clips of new people that may be called fake. A target of 0.01 needs 99 people in the "
        "genuine calibration clips; with fewer, no clip is called fake.",
    )
    fnr: OpenFraction = Field(
        default=0.01,
        description="Target false negative rate of the conformal guarantee: share of fakes "
        "of new people that may be called real. A target of 0.01 needs 99 people in the fake "
        "calibration clips; with fewer, no clip is called real.",
    )
    flagged_per_hour: float = Field(
        default=12.0,
        gt=0,
        le=600,
        description="Target of the segment thresholds: flagged segments of each kind per hour of "
        "genuine footage of new people. 12 need 99 people in the genuine calibration clips; with "
        "fewer, the rate is the lowest that so many bear.",
    )
    prevalence: OpenFraction = Field(
        default=0.5,
        description="Share of forged clips that probabilities are stated for. It moves the "
        "probabilities and the thresholds alike, so no verdict depends on it.",
    )


class ValidationSettings(SettingsModel):
    """How the validation clips are divided by person.

    Some choose (the epoch, the lip-sync weight), the others calibrate. With `training.cross_fit`
    they are not divided.
    """

    select_share: OpenFraction = Field(
        default=0.25,
        description="Share of the validation clips that the epoch and the lip-sync weight are "
        "chosen on; the others fit scales and thresholds.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        description="Seed of the division. All members of an ensemble share it.",
    )


class CalibrationPlan(SettingsModel):
    """What a bundle is calibrated with."""

    rates: UncertaintySettings = Field(description="Error rates that verdicts must not exceed.")
    sync_weight: float = Field(
        default=0.0, description="Lip-sync weight to use where no other fits better."
    )
    training: TrainingSettings = Field(
        default_factory=TrainingSettings,
        description="How the heads were fitted, for those of `training.cross_fit`.",
    )


class EvaluationSettings(SettingsModel):
    """Metrics and their confidence intervals."""

    resamples: int = Field(default=1000, ge=1, description="Bootstrap resamples.")
    confidence: OpenFraction = Field(default=0.95, description="Level of every interval.")
    bins: int = Field(default=10, ge=1, description="Bins of the calibration error (ECE).")
    min_clips: int = Field(
        default=0,
        ge=0,
        description="Fewest fake, and fewest genuine, test clips. With fewer, no number has an "
        "interval and no gate is decided.",
    )
    min_people: int = Field(
        default=0, ge=0, description="Fewest people in the test clips, with the same effect."
    )
    spliced_fakes: int = Field(
        default=100,
        ge=0,
        description="Number of test fakes of which a stretch is spliced into genuine clips to "
        "measure localisation, where no test clip is partly forged; 0 takes all.",
    )


class TransmittedSettings(SettingsModel):
    """Attack on the frames of fakes before they are encoded, as the uploader of a file can do."""

    enabled: bool = Field(default=False, description="Whether it is measured.")
    epsilon_levels: int = Field(
        default=8, ge=1, le=127, description="L∞ budget in grey levels of 255."
    )
    crf: Annotated[tuple[Annotated[int, Field(ge=0, le=51)], ...], Field(strict=False)] = Field(
        default=(23,), min_length=1, description="Qualities of H.264 that the clips pass."
    )
    attackers: Annotated[
        tuple[Literal["white_box", "transfer", "noise"], ...], Field(strict=False)
    ] = Field(
        default=("white_box", "transfer", "noise"),
        min_length=1,
        description="What gives the gradient: the detector itself, a network that is not scored, "
        "or nothing (random signs).",
    )
    surrogate: str = Field(
        default="",
        description="Bundle of another detector for the transfer attack, with the same "
        "preprocessing. Without it, the last of several members takes its part and is not scored; "
        "a single detector has no transfer attack.",
    )
    steps: int = Field(default=10, ge=1, description="Gradient steps.")
    draws: int = Field(default=1, ge=1, description="Random codecs per step.")
    clips: int = Field(
        default=0,
        ge=0,
        description="Number of test clips, in whole pairs with a fake face; 0 takes all.",
    )
    jobs: int = Field(default=2, ge=1, description="Parallel processes that encode.")


class AttackSettings(SettingsModel):
    """Adversarial attacks on the test clips; white-box budgets are L∞, pixels in ``[0, 1]``."""

    epsilons: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(strict=False)] = Field(
        default=(0.01, 0.05, 0.1), description="Budgets."
    )
    targets: Annotated[tuple[Literal["frames", "audio", "both"], ...], Field(strict=False)] = Field(
        default=("frames", "audio"), description="Perturbed inputs."
    )
    methods: Annotated[tuple[Literal["fgsm", "pgd"], ...], Field(strict=False)] = Field(
        default=("fgsm",), description="Attack methods."
    )
    pgd_alpha: float = Field(default=0.01, description="Step size of PGD.")
    pgd_steps: int = Field(default=10, description="Number of PGD steps.")
    pgd_random_start: bool = Field(
        default=False, description="Start PGD at a random point within the budget."
    )
    clips: int = Field(
        default=0,
        description="Number of test clips to attack; 0 attacks all. The attack that the gate "
        "reads uses `gate_clips`.",
    )
    gate_clips: int = Field(
        default=0,
        ge=0,
        description="Number of test clips under the attack that the gate reads, all frames of "
        "each; 0 attacks all. Limit it only where that gate is reported and not required.",
    )
    frames: int = Field(
        default=0, description="Consecutive frames of each clip to attack; 0 attacks all."
    )
    transmitted: TransmittedSettings = Field(
        default_factory=TransmittedSettings,
        description="Attack that must survive H.264 before it is scored.",
    )


class CodecSettings(SettingsModel):
    """Re-encoding of the test clips."""

    cells: Annotated[tuple[ConditionName, ...], Field(strict=False)] = Field(
        default=(), description="Conditions, such as `h264:23`, `opus:16` or `half`."
    )
    jobs: int = Field(default=2, description="Parallel processes.")


class Gate(SettingsModel):
    """A limit on one metric."""

    limit: float = Field(
        description="Minimum of an AUC or of `ece_p_value`; maximum of everything else."
    )
    level: Literal["required", "reported"] = Field(
        default="required",
        description="`required`: a detector that falls short is not promoted. `reported`: the "
        "result is shown only.",
    )


class SourceGate(Gate):
    """A limit on a metric of one data set."""

    source: Text = Field(description="Name that `--data NAME=FOLDER` gives the data set.")
    metric: Literal["auc", "fpr95"] = Field(
        default="auc", description="`auc`, or `fpr95`: false positives at 95 % true positives."
    )


class GateSettings(SettingsModel):
    """Quality gates of a detector."""

    auc: Gate = Field(default=Gate(limit=0.90), description="Minimum area under the ROC curve.")
    ece: Gate = Field(default=Gate(limit=0.05), description="Maximum expected calibration error.")
    ece_p_value: Gate = Field(
        default=Gate(limit=0.05),
        description="Minimum probability that a perfectly calibrated detector has such an ECE or a "
        "larger one on these clips.",
    )
    ece_excess: Gate | None = Field(
        default=None,
        description="Maximum ECE beyond that of a perfectly calibrated detector on as few clips; a "
        "gate of before version 0.3, which `ece_p_value` replaces.",
    )
    fgsm_drop: Gate = Field(
        default=Gate(limit=0.05),
        description="Maximum loss of AUC under FGSM on frames, the worst budget up to 0.05.",
    )
    transmitted_drop: Gate | None = Field(
        default=None,
        description="Maximum loss of AUC under attacks on the frames that are then encoded, the "
        "worst attacker; no gate where the phase does not measure it.",
    )
    codec_gap: Gate | None = Field(
        default=None,
        description="Maximum difference of AUC between H.264 and H.265; no gate where the phase "
        "does not measure it.",
    )
    sources: Annotated[tuple[SourceGate, ...], Field(strict=False)] = Field(
        default=(),
        description="Limits of metrics on the test clips of single data sets. On one that is not "
        "given nothing is measured.",
    )
    cross_dataset_auc: Gate | None = Field(
        default=None,
        description="Minimum AUC on data sets that the detector was not trained on, the mean over "
        "them; not measured where none is given.",
    )
    localisation_ap50: Gate | None = Field(
        default=None,
        description="Minimum average precision of proposed forged segments, of face or voice, at "
        "an IoU above 0.5; no gate by default.",
    )
    localisation_ap75: Gate | None = Field(
        default=None, description="The same at an IoU above 0.75; no gate by default."
    )
    partial_auc: Gate | None = Field(
        default=None,
        description="Minimum AUC of the scores of partly forged clips of 30 to 45 s; no gate by "
        "default.",
    )
    flagged_ratio: Gate | None = Field(
        default=None,
        description="Maximum of flagged segments per hour of genuine clips, divided by the "
        "promised number; no gate by default.",
    )
    baseline_drop: Gate = Field(
        default=Gate(limit=0.03),
        validation_alias=AliasChoices("baseline_drop", "champion_drop"),
        description="Maximum loss of AUC against the pinned baseline on the same test clips.",
    )
    non_inferiority: Gate = Field(
        default=Gate(limit=0.03),
        description="Margin: maximum loss of AUC against the pinned baseline that a paired "
        "bootstrap by identity cannot exclude, at 95 % confidence (one-sided).",
    )


class GatePlan(SettingsModel):
    """What a detector is compared with."""

    gates: GateSettings = Field(description="Gates of the run.")
    targets: GateSettings = Field(
        description="Gates of profile `full`, which hold the roadmap's targets; shown only."
    )
    expects_sealed: bool = Field(
        default=False, description="Whether the report says so where no clip is sealed."
    )
    notes: Annotated[tuple[Text, ...], Field(strict=False)] = Field(
        default=(),
        description="What a reader must know about the data of the run, one sentence each.",
    )
