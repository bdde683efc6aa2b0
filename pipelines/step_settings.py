"""The part of the settings that each step depends on: only its changes rerun a cached step."""

from collections.abc import Sequence

from steps.platforms.paths import PARAMS
from unmask.config import Gate, GatePlan, GateSettings, Settings, load_settings
from unmask.data.datasets.settings_sources import apply_sources
from unmask.evaluation import roadmap
from unmask.training.detector import ensemble


def load_run(
    phase: int, profile: str, data: Sequence[str], overrides: Sequence[str]
) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings of a run and its data sets: ``data``, or those of ``data.sources``."""
    return apply_sources(load_settings(PARAMS, phase, profile, overrides), data)


def member_settings(settings: Settings) -> tuple[Settings, ...]:
    """Return the training settings of each ensemble member; one for a single detector."""
    sections = ("preprocessing", "model", "training", "augmentation", "validation")
    return tuple(_only(member, sections) for member in ensemble.member_settings(settings))


def lipsync_settings(settings: Settings) -> Settings:
    """Return the training settings of the lip-sync model."""
    own = _only(settings, ("preprocessing", "sync", "validation"))
    return own.replace(training=own.training.replace(cross_fit=settings.training.cross_fit))


def ensemble_settings(settings: Settings) -> Settings:
    """Return the settings that a bundle stores beside its weights."""
    return _only(settings, ("preprocessing", "uncertainty"))


def plan_gates(settings: Settings, data: Sequence[str] = ()) -> GatePlan:
    """Return the gates of a run beside the roadmap's targets of its phase."""
    targets = load_settings(PARAMS, settings.phase, roadmap.PROFILE).gates
    return GatePlan(
        gates=gate_settings(settings, data),
        targets=targets,
        expects_sealed=settings.profile == roadmap.PROFILE,
    )


def gate_settings(settings: Settings, data: Sequence[str]) -> GateSettings:
    """Return the gates; with other data than the pinned set, those of profile ``demo`` only report.

    The demo's limits were measured on the pinned set and do not hold for other data.
    """
    if settings.profile != "demo" or not data:
        return settings.gates
    sources = tuple(gate.replace(level="reported") for gate in settings.gates.sources)
    single = {name: _reported(gate) for name, gate in settings.gates if name != "sources"}
    return settings.gates.replace(**single, sources=sources)


def shortcut_level(data: Sequence[str]) -> str:
    """Return ``required`` for the pinned set, which must have no shortcut, else ``reported``."""
    return "reported" if data else "required"


def _reported(gate: Gate | None) -> Gate | None:
    return None if gate is None else gate.replace(level="reported")


def _only(settings: Settings, sections: Sequence[str]) -> Settings:
    """Return the defaults with phase, profile, seed and ``sections`` of ``settings``."""
    kept = ("phase", "profile", "seed", *sections)
    return Settings().replace(**{name: getattr(settings, name) for name in kept})
