"""Trials, and the interface of an experiment tracker, which the library does not require."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from unmask.config import Settings


@dataclass(frozen=True, slots=True)
class Trial:
    """One combination of settings.

    Attributes:
        overrides: ``section.key=value`` of each varied setting.
    """

    overrides: tuple[str, ...]
    settings: Settings

    @property
    def name(self) -> str:
        """Overrides in one line."""
        return " ".join(self.overrides)


class RunRecorder(Protocol):
    """Record of a sweep or an ablation, with one entry per training."""

    def start_trial(self, trial: Trial) -> Any:
        """Return the Lightning logger that records a trial of a sweep."""

    def log_training(
        self, name: str, settings: Mapping[str, Any], metrics: Mapping[str, float]
    ) -> None:
        """Record a finished training of an ablation."""

    def finish(
        self, metrics: Mapping[str, float], best: str = "", page: Path | None = None
    ) -> None:
        """Record the results of the whole experiment.

        Args:
            best: Name of the best trial.
            page: Report to keep with the record.
        """
