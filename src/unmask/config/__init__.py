"""All of a run's settings, frozen and checked; see ``params.yaml`` for what each key means."""

from unmask.config.evaluation import (
    AttackSettings,
    CodecSettings,
    EvaluationSettings,
    Gate,
    GateSettings,
    UncertaintySettings,
)
from unmask.config.loader import Settings, from_dict, load_settings, to_dict
from unmask.config.preprocessing import (
    AlignSettings,
    DataSettings,
    FaceSettings,
    FlowSettings,
    LipSettings,
    PreprocessingSettings,
    SamplingSettings,
    SpeechSettings,
)
from unmask.config.training import (
    AugmentationSettings,
    EnsembleSettings,
    LipSyncSettings,
    ModelSettings,
    TrainingSettings,
)

__all__ = [
    "AlignSettings",
    "AttackSettings",
    "AugmentationSettings",
    "CodecSettings",
    "DataSettings",
    "EnsembleSettings",
    "EvaluationSettings",
    "FaceSettings",
    "FlowSettings",
    "Gate",
    "GateSettings",
    "LipSettings",
    "LipSyncSettings",
    "ModelSettings",
    "PreprocessingSettings",
    "SamplingSettings",
    "Settings",
    "SpeechSettings",
    "TrainingSettings",
    "UncertaintySettings",
    "from_dict",
    "load_settings",
    "to_dict",
]
