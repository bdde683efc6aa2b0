"""Sweeps and ablations as nested MLflow runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from steps.platforms.mlflow_runs import find_experiment, lightning_logger
from unmask.training.experiments.recorder import Trial

EXPERIMENT = "unmask-sweeps"


class NestedRuns:
    """A parent run with one nested run per training; a :class:`RunRecorder`.

    Args:
        name: Name of the parent run.
    """

    def __init__(self, name: str) -> None:
        self._experiment = find_experiment(EXPERIMENT)
        self._client = mlflow.MlflowClient()
        self._parent = self._start(name, {})

    def start_trial(self, trial: Trial) -> Any:
        """Start a nested run with the trial's overrides as parameters; return its logger."""
        run = self._start(trial.name, {MLFLOW_PARENT_RUN_ID: self._parent})
        for override in trial.overrides:
            key, _, value = override.partition("=")
            self._client.log_param(run, key, value)
        return lightning_logger(run, EXPERIMENT)

    def log_training(
        self, name: str, settings: Mapping[str, Any], metrics: Mapping[str, float]
    ) -> None:
        """Log a finished training as a nested run."""
        run = self._start(name, {MLFLOW_PARENT_RUN_ID: self._parent})
        for key, value in settings.items():
            self._client.log_param(run, key, value)
        for key, metric in metrics.items():
            self._client.log_metric(run, key, metric)
        self._client.set_terminated(run)

    def finish(
        self, metrics: Mapping[str, float], best: str = "", page: Path | None = None
    ) -> None:
        """Log the experiment's results on the parent run, and end it."""
        if best:
            self._client.set_tag(self._parent, "best", best)
        for key, metric in metrics.items():
            self._client.log_metric(self._parent, key, metric)
        if page is not None:
            self._client.log_artifact(self._parent, str(page))
        self._client.set_terminated(self._parent)

    def _start(self, name: str, tags: dict[str, str]) -> str:
        run = self._client.create_run(self._experiment, run_name=name, tags=tags)
        return str(run.info.run_id)
