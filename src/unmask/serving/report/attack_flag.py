"""Attack flag: whether the faces look as if an attacker had perturbed their pixels."""

from pydantic import Field

from unmask.serving.report.base import Probability, ReportModel


class ReportedAttack(ReportModel):
    """Test clips under one attack, as measured at promotion."""

    method: str = Field(description="Method of the attack, such as `fgsm`.")
    epsilon: Probability = Field(description="Largest change of a pixel; 1 is full scale.")
    clips: int = Field(ge=0, description="Clips that the attack changes.")
    flagged: int = Field(ge=0, description="Those that are flagged.")


class ReportedAttackFlag(ReportModel):
    """Threshold and rates of the flag, as measured at promotion."""

    threshold: float = Field(gt=0, description="Roughness above which a video is flagged.")
    validation_clips: int = Field(ge=1, description="Clips that the threshold was fitted on.")
    clips: int = Field(ge=1, description="Test clips without attack.")
    false_alarms: int = Field(ge=0, description="Those that are flagged all the same.")
    attacks: tuple[ReportedAttack, ...] = Field(description="Test clips under attack.")


class AttackSigns(ReportModel):
    """Signs of an adversarial perturbation of the faces. The verdict does not depend on them."""

    is_flagged: bool | None = Field(
        description="Null where the footage is unlike the calibration clips, so that the rates of "
        "the flag are unknown."
    )
    roughness: float = Field(description="Median over the faces of noise over mean gradient.")
    rates: ReportedAttackFlag = Field(description="Rates on the test clips.")
    message: str = Field(description="The same in words.")
