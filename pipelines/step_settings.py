"""Which part of a run's settings a step gets: a step is done again when its part changes."""

from collections.abc import Sequence
from typing import Any

from unmask.config import Gate, GateSettings, Settings
from unmask.training.detector.ensemble import member_settings


def member_training_settings(settings: Settings) -> tuple[Settings, ...]:
    """What each member of the ensemble is trained under; one for a detector by itself."""
    learnt = ("preprocessing", "model", "training", "augmentation")
    return tuple(_only(member, learnt) for member in member_settings(settings))


def lipsync_settings(settings: Settings) -> Settings:
    """What the lip-sync model is trained under."""
    return _only(settings, ("preprocessing", "sync"))


def ensemble_settings(settings: Settings) -> Settings:
    """What a bundle holds beside its weights."""
    return _only(settings, ("preprocessing", "uncertainty"))


def frames_of(settings: Settings, member: Any) -> Any:
    """The member whose frame encoder the others take over; ``None`` where each has its own."""
    return member if settings.ensemble.shared_frames else None


def gate_settings(settings: Settings, data: str) -> GateSettings:
    """The gates; with other data than the pinned set, those of profile ``demo`` only report.

    The demo's floors were measured on the pinned set and say nothing of another.
    """
    if settings.profile != "demo" or not data:
        return settings.gates
    gates = {name: _reported(gate) for name, gate in settings.gates}
    return settings.gates.replace(**gates)


def _reported(gate: Gate | None) -> Gate | None:
    return None if gate is None else gate.replace(level="reported")


def _only(settings: Settings, sections: Sequence[str]) -> Settings:
    blank = Settings(phase=settings.phase, profile=settings.profile, seed=settings.seed)
    return blank.replace(**{name: getattr(settings, name) for name in sections})


def shortcut_level(data: str) -> str:
    """The pinned set must hold no shortcut; of other footage it is only reported."""
    return "reported" if data else "required"
