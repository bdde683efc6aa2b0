"""Read ``params.yaml``; the only module that opens YAML.

A run's settings are the defaults, overlaid in this order by the file's top-level sections, the
block of the phase, the block of the profile, that profile's block for the phase, and single
overrides (``training.epochs=3``). An unknown key is an error.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import AliasChoices

from unmask.config.base import SettingsModel, from_dict
from unmask.config.settings import Settings
from unmask.errors import ConfigError


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
    file = _read_yaml(path)
    phases, profiles = file.pop("phases", {}), file.pop("profiles", {})
    _require_choice("phase", phase, phases)
    _require_choice("profile", profile, profiles)
    overlay = dict(profiles[profile] or {})
    overlay_of_phase = (overlay.pop("phases", None) or {}).get(phase)
    values: dict[str, Any] = {}
    for layer in (file, phases[phase], overlay, overlay_of_phase, *map(_parse, overrides)):
        values = _deep_merge(values, _with_current_keys(Settings, layer or {}))
    settings = from_dict(Settings, {**values, "phase": phase, "profile": profile})
    _check_dependencies(settings)
    return settings


def _read_yaml(path: Path | str) -> dict[str, Any]:
    try:
        file = yaml.safe_load(Path(path).read_text()) or {}
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read; run from the project's root") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not YAML: {error}") from error
    if not isinstance(file, dict):
        raise ConfigError(f"{path}: expected a block of settings, got {type(file).__name__}")
    return file


def _require_choice(name: str, value: object, known: Mapping[Any, Any]) -> None:
    if value not in known:
        choices = ", ".join(str(key) for key in known)
        raise ConfigError(f"{name} is {value!r}; use one of {choices}")


def _parse(override: str) -> dict[str, Any]:
    key, sign, text = override.partition("=")
    if not sign:
        raise ConfigError(f"--set {override}: expected section.key=value")
    block: Any = yaml.safe_load(text)
    for name in reversed(key.split(".")):
        block = {name: block}
    return dict(block)


def _with_current_keys(model: type[SettingsModel], values: Any) -> Any:
    """Replace old keys of renamed fields, so that one layer can override another's."""
    if not isinstance(values, Mapping):
        return values
    renamed = {}
    for key, value in values.items():
        name, info = _find_field(model, key)
        block: Any = None if info is None else info.annotation
        is_block = isinstance(block, type) and issubclass(block, SettingsModel)
        renamed[name] = _with_current_keys(block, value) if is_block else value
    return renamed


def _find_field(model: type[SettingsModel], key: Any) -> tuple[Any, Any]:
    for name, info in model.model_fields.items():
        alias = info.validation_alias
        if key == name or (isinstance(alias, AliasChoices) and key in alias.choices):
            return name, info
    return key, None


def _check_dependencies(settings: Settings) -> None:
    """Refuse a setting that needs another one, which is off."""
    if settings.sync.enabled and not settings.preprocessing.lips.enabled:
        raise ConfigError(
            "sync.enabled requires mouth crops; set preprocessing.lips.enabled=true, too"
        )
    if settings.model.flow and not settings.preprocessing.flow.enabled:
        raise ConfigError(
            "model.flow requires optical flow; set preprocessing.flow.enabled=true, too"
        )
    source_faces = settings.preprocessing.source_faces.enabled
    if settings.training.forges("face") and not source_faces:
        raise ConfigError(
            f"training.fake_source={settings.training.fake_source} forges faces before alignment; "
            "set preprocessing.source_faces.enabled=true, too, or leave face out of "
            "training.forged_parts"
        )
    linear = {
        "trainable": "none",
        "temporal": "none",
        "fusion": "none",
        "pooling": "mean",
        "voice_context_s": 0.0,
    }
    others = [name for name in linear if getattr(settings.model, name) != linear[name]]
    if settings.training.heads == "logistic" and others:
        raise ConfigError(
            f"training.heads=logistic takes a score that is linear in fixed features; set "
            f"{', '.join(f'model.{name}={linear[name]}' for name in others)}, too"
        )
    if settings.training.cross_fit == 1 or (
        settings.training.cross_fit and settings.training.heads != "logistic"
    ):
        raise ConfigError(
            f"training.cross_fit={settings.training.cross_fit} refits the heads in folds; use two "
            "or more, and training.heads=logistic"
        )
    if settings.training.source_weights and not settings.training.balanced:
        raise ConfigError(
            "training.source_weights weights the draws of training.balanced, which is off; set "
            "training.balanced=true, too, or remove the weights"
        )


def _deep_merge(base: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in layer.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _deep_merge(merged[key], value) if both else value
    return merged
