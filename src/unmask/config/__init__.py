"""All settings of a run, frozen and validated.

The description of each field is the reference; ``python -m unmask.config`` prints all of them as
a JSON schema.
"""

from unmask.config.base import SettingsModel, from_dict, to_dict
from unmask.config.evaluation import (
    AttackSettings,
    CalibrationPlan,
    CodecSettings,
    EvaluationSettings,
    Gate,
    GatePlan,
    GateSettings,
    SourceGate,
    TransmittedSettings,
    UncertaintySettings,
    ValidationSettings,
)
from unmask.config.loader import load_settings
from unmask.config.model import ModelSettings
from unmask.config.preprocessing import (
    AlignSettings,
    DataSetSettings,
    DataSettings,
    FaceSettings,
    FlowSettings,
    LipSettings,
    PreprocessingSettings,
    SamplingSettings,
    SourceFaceSettings,
    SpeechSettings,
)
from unmask.config.schema import settings_schema
from unmask.config.settings import Settings
from unmask.config.training import (
    AugmentationSettings,
    EnsembleSettings,
    LipSyncSettings,
    SourceWeight,
    TrainingSettings,
)

__all__ = [
    "AlignSettings",
    "AttackSettings",
    "AugmentationSettings",
    "CalibrationPlan",
    "CodecSettings",
    "DataSetSettings",
    "DataSettings",
    "EnsembleSettings",
    "EvaluationSettings",
    "FaceSettings",
    "FlowSettings",
    "Gate",
    "GatePlan",
    "GateSettings",
    "LipSettings",
    "LipSyncSettings",
    "ModelSettings",
    "PreprocessingSettings",
    "SamplingSettings",
    "Settings",
    "SettingsModel",
    "SourceFaceSettings",
    "SourceGate",
    "SourceWeight",
    "SpeechSettings",
    "TrainingSettings",
    "TransmittedSettings",
    "UncertaintySettings",
    "ValidationSettings",
    "from_dict",
    "load_settings",
    "settings_schema",
    "to_dict",
]
