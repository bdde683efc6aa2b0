"""MLflow runs: one per training run, whose keys `mlflow/README.md` explains."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from unmask import __version__
from unmask.config import Settings, to_dict
from unmask.evaluation.gates import GateReport

EXPERIMENT = "unmask"
RUN_FILE = "mlflow_run"


def start_run(settings: Settings, data_version: str, folder: Path) -> str:
    """Begin a run, or go on with the one that ``folder`` belongs to.

    Args:
        folder: Where the training keeps its checkpoints; a training that was killed goes on
            there, and so does its MLflow run.

    Returns:
        The run's identifier.
    """
    mark = folder / RUN_FILE
    if mark.is_file() and _exists(known := mark.read_text()):
        return known
    client = mlflow.MlflowClient()
    run = client.create_run(experiment_id(), tags=_tags(settings, data_version))
    for key, value in flatten(to_dict(settings)).items():
        client.log_param(run.info.run_id, key, value)
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(run.info.run_id)
    return str(run.info.run_id)


def finish_run(run: str, numbers: Mapping[str, float], gates: GateReport) -> None:
    """Record what was measured and how the gates saw it, and close the run."""
    client = mlflow.MlflowClient()
    for key, value in numbers.items():
        client.log_metric(run, key, value)
    for row in gates.rows:
        client.set_tag(run, f"gate.{row.name}", f"{row.level}: {row.message}")
    client.set_tag(run, "gates", "passed" if gates.passed else "short")
    client.set_terminated(run)


def nest_runs(first: str, *others: str) -> None:
    """Close the runs of an ensemble's other members, and show them below the first's."""
    client = mlflow.MlflowClient()
    for run in others:
        client.set_tag(run, MLFLOW_PARENT_RUN_ID, first)
        client.set_terminated(run)


def log_folder(run: str, folder: Path, place: str) -> None:
    """Keep the files of ``folder`` under the run's artifacts in ``place``."""
    mlflow.MlflowClient().log_artifacts(run, str(folder), place)


def lightning_logger(run: str) -> Any:
    """A Lightning logger that writes to ``run`` while a training goes on."""
    from lightning.pytorch.loggers import MLFlowLogger

    return MLFlowLogger(EXPERIMENT, tracking_uri=mlflow.get_tracking_uri(), run_id=run)


def experiment_id() -> str:
    """The project's experiment, made at the first call.

    A tracking server knows where to keep artifacts; without one they lie in the folder that
    ``MLFLOW_DEFAULT_ARTIFACT_ROOT`` names, beside the database.
    """
    client = mlflow.MlflowClient()
    if found := client.get_experiment_by_name(EXPERIMENT):
        return str(found.experiment_id)
    local = mlflow.get_tracking_uri().startswith("sqlite:")
    root = os.environ.get("MLFLOW_DEFAULT_ARTIFACT_ROOT") if local else None
    place = Path(root).absolute().as_uri() if root else None
    return str(client.create_experiment(EXPERIMENT, artifact_location=place))


def flatten(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested settings under dotted keys, as in ``--set``."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{above}{name}"
        found |= flatten(value, f"{key}.") if isinstance(value, Mapping) else {key: value}
    return found


def git_commit() -> str:
    """The commit of this checkout; ends in ``-dirty`` where files differ from it."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "unknown"


def _tags(settings: Settings, data_version: str) -> dict[str, str]:
    commit = git_commit()
    return {
        MLFLOW_RUN_NAME: f"phase-{settings.phase}-{settings.profile}-seed-{settings.seed}",
        MLFLOW_GIT_COMMIT: commit.removesuffix("-dirty"),
        "commit": commit,
        "phase": str(settings.phase),
        "profile": settings.profile,
        "seed": str(settings.seed),
        "data_version": data_version,
        "unmask_version": __version__,
    }


def _exists(run: str) -> bool:
    try:
        return mlflow.MlflowClient().get_run(run).info.lifecycle_stage == "active"
    except mlflow.MlflowException:
        return False
