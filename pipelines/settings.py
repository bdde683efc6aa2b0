"""Which part of a run's settings a step gets: a step is done again when its part changes."""

from dataclasses import fields, replace
from typing import Any

from unmask.config import (
    AttackSettings,
    DataSettings,
    EvaluationSettings,
    Gate,
    GateSettings,
    Settings,
)


def for_fitting(settings: Settings) -> Settings:
    """Without what only matters before or after a training."""
    return replace(
        settings,
        data=DataSettings(),
        evaluation=EvaluationSettings(),
        attacks=AttackSettings(),
        gates=GateSettings(),
    )


def for_gates(settings: Settings, data: str) -> GateSettings:
    """The gates; with other data than the pinned set, those of profile ``demo`` only report.

    The demo's floors were measured on the pinned set and say nothing of another.
    """
    if settings.profile != "demo" or not data:
        return settings.gates
    gates: dict[str, Any] = {
        item.name: _reported(getattr(settings.gates, item.name)) for item in fields(settings.gates)
    }
    return GateSettings(**gates)


def _reported(gate: Gate | None) -> Gate | None:
    return None if gate is None else replace(gate, level="reported")


def shortcut_level(data: str) -> str:
    """The pinned set must hold no shortcut; of other footage it is only reported."""
    return "reported" if data else "required"
