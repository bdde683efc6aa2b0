"""Interface of an experiment tracker, which the library itself does not depend on."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class RunRecorder(Protocol):
    """Record of a sweep or an ablation, with one entry per training."""

    def start_trial(self, name: str, overrides: Sequence[str]) -> Any:
        """Return the Lightning logger that records a trial of a sweep.

        Args:
            overrides: ``section.key=value`` each.
        """

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
