"""Sweeps and ablations as nested MLflow runs.

MLflow is asked for by name, the library does not need it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import MLFlowLogger

from unmask.optional_deps import require
from unmask.training.experiments.sweep import Trial

EXPERIMENT = "unmask-sweeps"
PARENT_TAG = "mlflow.parentRunId"  # what MLflow's pages nest runs by


class NestedRuns:
    """One parent run, and below it one run per trial.

    Args:
        uri: Where MLflow keeps its records, such as ``sqlite:///outputs/mlflow.db``.
        name: Of the parent run.

    Raises:
        MissingExtraError: MLflow is not installed.
    """

    def __init__(self, uri: str, name: str) -> None:
        if uri.startswith("sqlite:///"):
            Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        self.uri = uri
        self.client: Any = require("mlflow", "platform").MlflowClient(tracking_uri=uri)
        self.experiment = self._found() or self._made()
        self.parent: str = self._start(name, {})

    def record(self, trial: Trial) -> MLFlowLogger:
        """A logger that writes to a run of its own for ``trial``."""
        run = self._start(trial.name, {PARENT_TAG: self.parent})
        for item in trial.overrides:
            key, _, value = item.partition("=")
            self.client.log_param(run, key, value)
        return MLFlowLogger(EXPERIMENT, tracking_uri=self.uri, run_id=run)

    def finish(self, best: str, val_auc: float) -> None:
        """Name the best trial on the parent run, and close it."""
        self.client.set_tag(self.parent, "best", best)
        self.client.log_metric(self.parent, "best_val_auc", val_auc)
        self.client.set_terminated(self.parent)

    def log_run(
        self, trial: str, settings: Mapping[str, Any], numbers: Mapping[str, float]
    ) -> None:
        """One finished training below the parent run."""
        run = self._start(trial, {PARENT_TAG: self.parent})
        for key, value in settings.items():
            self.client.log_param(run, key, value)
        for key, value in numbers.items():
            self.client.log_metric(run, key, value)
        self.client.set_terminated(run)

    def finish_with_artifact(self, numbers: Mapping[str, float], page: Path) -> None:
        """Record what came of all trainings on the parent run, and close it."""
        for key, value in numbers.items():
            self.client.log_metric(self.parent, key, value)
        self.client.log_artifact(self.parent, str(page))
        self.client.set_terminated(self.parent)

    def _found(self) -> str | None:
        found = self.client.get_experiment_by_name(EXPERIMENT)
        return None if found is None else str(found.experiment_id)

    def _made(self) -> str:
        try:
            return str(self.client.create_experiment(EXPERIMENT))
        except require("mlflow", "platform").MlflowException:
            if (found := self._found()) is None:
                raise
            return found  # by another process, a moment ago

    def _start(self, name: str, tags: dict[str, str]) -> str:
        run = self.client.create_run(self.experiment, run_name=name, tags=tags)
        return str(run.info.run_id)
