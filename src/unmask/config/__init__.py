"""All of a run's settings, frozen and checked; see ``params.yaml`` for what each key means."""

from unmask.config.evaluation import (
    AttackSettings,
    CodecSettings,
    EvaluationSettings,
    Gate,
    GateSettings,
    UncertaintySettings,
)
from unmask.config.loader import Settings, build, load_settings, plain
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
    ModelSettings,
    SyncSettings,
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
    "ModelSettings",
    "PreprocessingSettings",
    "SamplingSettings",
    "Settings",
    "SpeechSettings",
    "SyncSettings",
    "TrainingSettings",
    "UncertaintySettings",
    "build",
    "load_settings",
    "plain",
]
