"""All settings of a run."""

from pydantic import Field

from unmask.config.base import SettingsModel, Text
from unmask.config.evaluation import (
    AttackSettings,
    CalibrationPlan,
    CodecSettings,
    EvaluationSettings,
    GateSettings,
    UncertaintySettings,
    ValidationSettings,
)
from unmask.config.model import ModelSettings
from unmask.config.preprocessing import DataSettings, PreprocessingSettings
from unmask.config.training import (
    AugmentationSettings,
    EnsembleSettings,
    LipSyncSettings,
    TrainingSettings,
)


class Settings(SettingsModel):
    """All settings of a run; see ``params.yaml``."""

    phase: int = Field(default=1, description="Phase of the roadmap: 1, 2 or 3.")
    profile: Text = Field(default="full", description="`full`, or `demo` for the demo data set.")
    seed: int = Field(default=7, description="Seed of every random draw.")
    data: DataSettings = Field(
        default_factory=DataSettings, description="Data beside the pinned set."
    )
    preprocessing: PreprocessingSettings = Field(
        default_factory=PreprocessingSettings, description="Preprocessing of video and audio."
    )
    model: ModelSettings = Field(
        default_factory=ModelSettings, description="Architecture of the detector."
    )
    training: TrainingSettings = Field(
        default_factory=TrainingSettings, description="Training of the detector."
    )
    validation: ValidationSettings = Field(
        default_factory=ValidationSettings,
        description="Division of the validation clips between choice and calibration.",
    )
    augmentation: AugmentationSettings = Field(
        default_factory=AugmentationSettings, description="Probability of each augmentation."
    )
    sync: LipSyncSettings = Field(default_factory=LipSyncSettings, description="Lip-sync model.")
    ensemble: EnsembleSettings = Field(
        default_factory=EnsembleSettings, description="Deep ensemble."
    )
    uncertainty: UncertaintySettings = Field(
        default_factory=UncertaintySettings, description="Uncertainty and conformal guarantee."
    )
    evaluation: EvaluationSettings = Field(
        default_factory=EvaluationSettings, description="Metrics and their intervals."
    )
    attacks: AttackSettings = Field(
        default_factory=AttackSettings, description="Adversarial attacks."
    )
    codecs: CodecSettings = Field(
        default_factory=CodecSettings, description="Re-encoding of the test clips."
    )
    gates: GateSettings = Field(default_factory=GateSettings, description="Quality gates.")

    def calibration_plan(self) -> CalibrationPlan:
        """Return what a bundle of these settings is calibrated with."""
        return CalibrationPlan(
            rates=self.uncertainty, sync_weight=self.sync.weight, training=self.training
        )
