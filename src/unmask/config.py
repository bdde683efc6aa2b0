"""`params.yaml` to frozen, checked settings; the only place that opens YAML.

A run's settings are the defaults below, overlaid in order by the file's own top-level
sections, the block of its phase, the block of its profile, and single overrides
(``training.epochs=3``). A key that no dataclass names is an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml

from unmask.errors import ConfigError

T = TypeVar("T")


def _among(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ConfigError(f"{name} is {value!r}; use one of {', '.join(allowed)}")


@dataclass(frozen=True, slots=True)
class DataSettings:
    """What is made of footage that is not the pinned set; ``forge`` adds pseudo-fakes to it."""

    forge: bool = True


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """Which frames are looked at."""

    rate_hz: float = 5.0


@dataclass(frozen=True, slots=True)
class FaceSettings:
    """Detection, landmarks and tracking.

    Attributes:
        min_confidence: Detections below this are dropped, in ``[0, 1]``.
        max_people: At most this many faces per frame.
        max_side_px: A larger picture is detected on after shrinking to this side.
    """

    min_confidence: float = 0.5
    max_people: int = 4
    max_side_px: int = 1280


@dataclass(frozen=True, slots=True)
class AlignSettings:
    """The canonical face."""

    crop_px: int = 224


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """Optical flow between neighbouring aligned faces."""

    enabled: bool = True


@dataclass(frozen=True, slots=True)
class SpeechSettings:
    """Voice activity; ``method`` is ``silero`` or ``energy``."""

    method: str = "silero"
    threshold: float = 0.5

    def __post_init__(self) -> None:
        """Refuse a method that does not exist."""
        _among("preprocessing.speech.method", self.method, ("silero", "energy"))


@dataclass(frozen=True, slots=True)
class PreprocessingSettings:
    """The input spec: stored in every bundle, so serving prepares what training saw."""

    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    faces: FaceSettings = field(default_factory=FaceSettings)
    align: AlignSettings = field(default_factory=AlignSettings)
    flow: FlowSettings = field(default_factory=FlowSettings)
    speech: SpeechSettings = field(default_factory=SpeechSettings)


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
    fusion: str = "concat"
    dropout: float = 0.3
    modality_dropout: float = 0.2

    def __post_init__(self) -> None:
        """Refuse a component that does not exist."""
        _among("model.temporal", self.temporal, ("conv",))
        _among("model.fusion", self.fusion, ("concat",))
        _among("model.voice_weights", self.voice_weights, ("pretrained", "random"))


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
    patience: int = 8
    precision: str = "auto"
    grad_checkpoint: bool = False
    workers: int = 0
    adversarial_epsilon: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a precision that does not exist."""
        _among("training.precision", self.precision, ("auto", "32", "bf16"))


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """How scores become numbers."""

    resamples: int = 1000
    confidence: float = 0.95
    bins: int = 10
    verdict_error: float = 0.05


@dataclass(frozen=True, slots=True)
class AttackSettings:
    """FGSM budgets in pixel range ``[0, 1]`` and what is perturbed."""

    epsilons: tuple[float, ...] = (0.01, 0.05, 0.1)
    targets: tuple[str, ...] = ("frames", "audio")


@dataclass(frozen=True, slots=True)
class Gate:
    """One floor or ceiling; ``level`` is ``required`` or ``reported``."""

    limit: float
    level: str = "required"

    def __post_init__(self) -> None:
        """Refuse a level that does not exist."""
        _among("gates.*.level", self.level, ("required", "reported"))


@dataclass(frozen=True, slots=True)
class GateSettings:
    """What a detector must reach: AUC at least, the others at most their limit.

    Attributes:
        ece_excess: Calibration error beyond what a perfectly calibrated detector would show
            on so few clips; on a large test set the same as ``ece``.
    """

    auc: Gate = field(default_factory=lambda: Gate(0.90))
    ece: Gate = field(default_factory=lambda: Gate(0.05))
    ece_excess: Gate = field(default_factory=lambda: Gate(0.05))
    fgsm_drop: Gate = field(default_factory=lambda: Gate(0.05))
    champion_drop: Gate = field(default_factory=lambda: Gate(0.0))


@dataclass(frozen=True, slots=True)
class Settings:
    """All of a run's settings."""

    phase: int = 1
    profile: str = "full"
    seed: int = 7
    data: DataSettings = field(default_factory=DataSettings)
    preprocessing: PreprocessingSettings = field(default_factory=PreprocessingSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    attacks: AttackSettings = field(default_factory=AttackSettings)
    gates: GateSettings = field(default_factory=GateSettings)


def build(kind: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Make the settings dataclass ``kind`` from plain values, as found in YAML or JSON.

    Raises:
        ConfigError: A key is unknown or a value has the wrong type; ``where`` names it.
    """
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - known):
        raise ConfigError(
            f"unknown key(s) under {where or 'the top level'}: {', '.join(unknown)}; "
            f"known: {', '.join(sorted(known))}"
        )
    hints = get_type_hints(kind)
    made = {
        key: _value(hints[key], value, f"{where}.{key}".lstrip("."))
        for key, value in values.items()
    }
    return kind(**made)


def _value(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where} is {value!r}; expected a block of settings")
        return build(kind, value, where)  # type: ignore[arg-type]
    if kind in (tuple[float, ...], tuple[str, ...]):
        return tuple(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is str and isinstance(value, int | float):
        return str(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{where} is {value!r}; expected {kind.__name__}")
    return value


def load_settings(
    path: Path | str = "params.yaml",
    phase: int = 1,
    profile: str = "full",
    overrides: Sequence[str] = (),
) -> Settings:
    """Read ``path`` for one phase and profile.

    Args:
        overrides: ``section.key=value`` each; the value is read as YAML.

    Raises:
        ConfigError: The file is missing or broken, or names what does not exist.
    """
    try:
        file = yaml.safe_load(Path(path).read_text()) or {}
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read; run from the project's root") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not YAML: {error}") from error
    if not isinstance(file, dict):
        raise ConfigError(f"{path}: expected a block of settings, got {type(file).__name__}")
    phases, profiles = file.pop("phases", {}), file.pop("profiles", {})
    _among("phase", str(phase), [str(key) for key in phases])
    _among("profile", profile, list(profiles))
    values = _overlay(_overlay(file, phases[phase]), profiles[profile])
    for item in overrides:
        key, sign, text = item.partition("=")
        if not sign:
            raise ConfigError(f"--set {item}: expected section.key=value")
        block: Any = yaml.safe_load(text)
        for name in reversed(key.split(".")):
            block = {name: block}
        values = _overlay(values, block)
    return build(Settings, {**values, "phase": phase, "profile": profile})


def _overlay(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _overlay(merged[key], value) if both else value
    return merged


def plain(settings: Any) -> dict[str, Any]:
    """The settings as plain values, ready for JSON; :func:`build` reads them back."""
    return asdict(settings)
