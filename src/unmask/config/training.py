"""What is trained, and how."""

from dataclasses import dataclass, fields

from unmask.config.validators import among, at_least, share
from unmask.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """The detector's architecture; see ``params.yaml`` for what each key means."""

    frame_backbone: str = "efficientnet_b3"
    frame_weights: str = "pretrained"
    input_px: int = 224
    flow: bool = False
    frame_dim: int = 2048
    voice_backbone: str = "facebook/wav2vec2-base"
    voice_weights: str = "pretrained"
    voice_frozen_layers: int = 8
    voice_dim: int = 512
    vad_mask: bool = True
    temporal: str = "conv"
    temporal_window: int = 8
    fusion: str = "concat"
    auxiliary: bool = False
    tuned: str = "all"
    dropout: float = 0.3
    modality_dropout: float = 0.2

    def __post_init__(self) -> None:
        """Refuse a component that does not exist."""
        among("model.temporal", self.temporal, ("conv", "transformer"))
        among("model.fusion", self.fusion, ("concat", "attention"))
        among("model.tuned", self.tuned, ("all", "norms"))
        if not 5 <= self.temporal_window <= 10:
            raise ConfigError(f"model.temporal_window is {self.temporal_window}; use 5 to 10")
        among("model.voice_weights", self.voice_weights, ("pretrained", "random"))
        share("model.dropout", self.dropout, ends=True)
        share("model.modality_dropout", self.modality_dropout, ends=True)


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How a detector is fitted."""

    epochs: int = 30
    batch_clips: int = 8
    accumulate: int = 1
    frames: int = 16
    audio_s: float = 4.0
    learning_rate: float = 3e-4
    weight_decay: float = 0.01
    temporal_weight: float = 0.1
    modality_weight: float = 0.5
    landmark_weight: float = 0.1
    pose_weight: float = 0.1
    fakes: str = "labelled"
    paired: bool = True
    patience: int = 8
    validation_frames: int = 0
    detached: bool = False
    precision: str = "auto"
    grad_checkpoint: bool = False
    workers: int = 0
    adversarial_epsilon: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a precision or a source of fakes that does not exist, and what trains nothing."""
        among("training.precision", self.precision, ("auto", "32", "bf16"))
        among("training.fakes", self.fakes, ("labelled", "forged", "both"))
        for name in ("epochs", "batch_clips", "accumulate", "frames"):
            at_least(f"training.{name}", getattr(self, name), 1)
        at_least("training.adversarial_epsilon", self.adversarial_epsilon, 0)


@dataclass(frozen=True, slots=True)
class AugmentationSettings:
    """How often a training sample is changed in each way, in ``[0, 1]``."""

    mirror: float = 0.5
    light: float = 1.0
    colour: float = 0.0
    blur: float = 0.0
    resize: float = 0.0
    codec: float = 0.0
    cutout: float = 0.0
    pitch: float = 0.0
    stretch: float = 0.0
    noise: float = 0.0
    tilt: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        for item in fields(self):
            share(f"augmentation.{item.name}", getattr(self, item.name), ends=True)


@dataclass(frozen=True, slots=True)
class LipSyncSettings:
    """The lip-sync model: two towers, trained on genuine clips alone.

    Attributes:
        weight: Of its score in the final one, before validation has tuned it.
    """

    enabled: bool = False
    dim: int = 64
    epochs: int = 20
    batch_windows: int = 512
    learning_rate: float = 1e-3
    weight: float = 0.3

    def __post_init__(self) -> None:
        """Refuse a weight that is no share."""
        share("sync.weight", self.weight, ends=True)


@dataclass(frozen=True, slots=True)
class EnsembleSettings:
    """Members beside the first; each takes the next seed, dropout and learning-rate factor.

    Attributes:
        shared_frames: They take over the first member's frame encoder, so that it is trained
            and run once for all of them, in training too: they see each face as it is, and only
            the sound is augmented.
    """

    members: int = 1
    shared_frames: bool = False
    dropouts: tuple[float, ...] = ()
    rate_factors: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a dropout that is no share."""
        for dropout in self.dropouts:
            share("ensemble.dropouts", dropout, ends=True)
