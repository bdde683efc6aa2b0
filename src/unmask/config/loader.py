"""`params.yaml` to frozen, checked settings; the only place that opens YAML.

A run's settings are the defaults of the dataclasses, overlaid in order by the file's own
top-level sections, the block of its phase, the block of its profile, that profile's own block for
the phase, and single overrides (``training.epochs=3``). A key that no dataclass names is an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

import yaml

from unmask.config.evaluation import (
    AttackSettings,
    CodecSettings,
    EvaluationSettings,
    GateSettings,
    UncertaintySettings,
)
from unmask.config.preprocessing import (
    DataSettings,
    PreprocessingSettings,
)
from unmask.config.training import (
    AugmentationSettings,
    EnsembleSettings,
    LipSyncSettings,
    ModelSettings,
    TrainingSettings,
)
from unmask.config.validators import among
from unmask.errors import ConfigError

T = TypeVar("T")


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
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    sync: LipSyncSettings = field(default_factory=LipSyncSettings)
    ensemble: EnsembleSettings = field(default_factory=EnsembleSettings)
    uncertainty: UncertaintySettings = field(default_factory=UncertaintySettings)
    evaluation: EvaluationSettings = field(default_factory=EvaluationSettings)
    attacks: AttackSettings = field(default_factory=AttackSettings)
    codecs: CodecSettings = field(default_factory=CodecSettings)
    gates: GateSettings = field(default_factory=GateSettings)


def from_dict(kind: type[T], values: Mapping[str, Any], where: str = "") -> T:
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
    if isinstance(kind, UnionType):  # a block that may be absent: its kind comes first, then None
        return None if value is None else _value(get_args(kind)[0], value, where)
    if is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where} is {value!r}; expected a block of settings")
        return from_dict(kind, value, where)  # type: ignore[arg-type]
    if kind in (tuple[float, ...], tuple[str, ...]):
        return _listed(get_args(kind)[0], value, where)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is str and isinstance(value, int | float):
        return str(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{where} is {value!r}; expected {kind.__name__}")
    return value


def _listed(kind: Any, value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise ConfigError(f"{where} is {value!r}; expected a list, such as [{value}]")
    return tuple(_value(kind, one, where) for one in value)


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
    among("phase", str(phase), [str(key) for key in phases])
    among("profile", profile, list(profiles))
    own = dict(profiles[profile] or {})
    of_both = own.pop("phases", {}).get(phase, {})
    values = _deep_merge(_deep_merge(_deep_merge(file, phases[phase]), own), of_both)
    for item in overrides:
        key, sign, text = item.partition("=")
        if not sign:
            raise ConfigError(f"--set {item}: expected section.key=value")
        block: Any = yaml.safe_load(text)
        for name in reversed(key.split(".")):
            block = {name: block}
        values = _deep_merge(values, block)
    settings = from_dict(Settings, {**values, "phase": phase, "profile": profile})
    _check_together(settings)
    return settings


def _check_together(settings: Settings) -> None:
    """Refuse a model that asks for what preprocessing leaves out."""
    if settings.sync.enabled and not settings.preprocessing.lips.enabled:
        raise ConfigError("sync.enabled needs mouths; set preprocessing.lips.enabled=true, too")
    if settings.model.flow and not settings.preprocessing.flow.enabled:
        raise ConfigError("model.flow needs flow; set preprocessing.flow.enabled=true, too")


def _deep_merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _deep_merge(merged[key], value) if both else value
    return merged


def to_dict(settings: Any) -> dict[str, Any]:
    """The settings as plain values, ready for JSON; :func:`build` reads them back."""
    return asdict(settings)
