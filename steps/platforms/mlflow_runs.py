"""MLflow runs, one per training; `mlflow/README.md` documents their keys."""

import csv
import getpass
import io
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import mlflow.data
import numpy as np
import pandas as pd
from mlflow.data.sources import LocalArtifactDatasetSource
from mlflow.entities import DatasetInput, InputTag, Metric, SourceType
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from mlflow.utils.mlflow_tags import (
    MLFLOW_DATASET_CONTEXT,
    MLFLOW_GIT_COMMIT,
    MLFLOW_PARENT_RUN_ID,
    MLFLOW_RUN_NAME,
    MLFLOW_RUN_NOTE,
    MLFLOW_SOURCE_NAME,
    MLFLOW_SOURCE_TYPE,
    MLFLOW_USER,
)

from steps.platforms.artifact_paths import relocate_artifacts
from unmask import __version__
from unmask.config import Settings, to_dict
from unmask.data.manifest import manifest_hash
from unmask.data.skipped_clips import to_csv
from unmask.data.splits import data_set
from unmask.evaluation.gate_report import to_markdown, write_gate_report
from unmask.evaluation.gates import GateReport
from unmask.evaluation.metric_keys import to_grouped_key, to_metric_key
from unmask.records import Clip

EXPERIMENT = "unmask"
# what the UI calls the experiment; its page follows `mlflow_ui.WORKFLOW`
EXPERIMENT_KIND = {"mlflow.experimentKind": "custom_model_development"}
SOURCE = "pipelines/training.py"
RUN_FILE = "mlflow_run"
SQLITE = "sqlite:///"
CURVE_STEP = 10  # thousandths between two points of a curve


def start_run(settings: Settings, data_version: str, folder: Path) -> str:
    """Start a run, or resume the one that ``folder`` belongs to.

    Args:
        folder: Checkpoints of the training; an interrupted training resumes there, and so does
            its MLflow run.

    Returns:
        The run's identifier.
    """
    run_file = folder / RUN_FILE
    if run_file.is_file() and _exists(known := run_file.read_text()):
        return known
    experiment = find_experiment(EXPERIMENT)
    client = mlflow.MlflowClient()
    run = client.create_run(experiment, tags=_tags(settings, data_version))
    for key, value in flatten(to_dict(settings)).items():
        client.log_param(run.info.run_id, key, value)
    folder.mkdir(parents=True, exist_ok=True)
    run_file.write_text(run.info.run_id)
    return str(run.info.run_id)


def log_data(run: str, clips: Sequence[Clip]) -> None:
    """Log the clips of each split as a data set that the run has read.

    Its digest changes with any label or file, and not with the place of the files.
    """
    inputs = []
    for split in dict.fromkeys(clip.split for clip in clips):
        subset = [clip for clip in clips if clip.split == split]
        name = " ".join(sorted({data_set(clip) for clip in subset}))
        rows = pd.DataFrame([_describe_clip(clip) for clip in subset])
        # named by its class, as a path alone could be of several and MLflow warns
        folder = os.path.commonpath([clip.path.parent for clip in subset])
        source = LocalArtifactDatasetSource(folder)
        # MLflow's own digest does not change with a label
        facts = {"targets": "is_fake", "name": name, "digest": manifest_hash(subset)[:16]}
        dataset = mlflow.data.from_pandas(rows, source=source, **facts)
        tag = InputTag(MLFLOW_DATASET_CONTEXT, split)
        inputs.append(DatasetInput(dataset._to_mlflow_entity(), [tag]))
    mlflow.MlflowClient().log_inputs(run, inputs)


def finish_run(run: str, metrics: Mapping[str, float], gates: GateReport) -> None:
    """Log metrics in their groups, gate results and the gate report, and end the run.

    The run's description has the gates and a row per part of the test clips.
    """
    client = mlflow.MlflowClient()
    for key, value in metrics.items():
        client.log_metric(run, to_grouped_key(key), value)
    for row in gates.rows:
        key = to_metric_key(f"gate.{row.name}")
        client.set_tag(run, key, f"{row.level}, {row.verdict}: {row.message}")
    client.set_tag(run, "gates", "passed" if gates.passed else "short")
    client.set_tag(run, MLFLOW_RUN_NOTE, to_markdown(gates))
    with TemporaryDirectory() as folder:
        write_gate_report(gates, Path(folder))
        client.log_artifacts(run, folder, "gates")
    client.set_terminated(run)


def nest_runs(first: str, *others: str) -> None:
    """End the runs of an ensemble's other members and nest them below the first one's.

    Each is named as the member that it trained.
    """
    client = mlflow.MlflowClient()
    name = client.get_run(first).info.run_name
    for number, run in enumerate(others, start=2):
        client.set_tag(run, MLFLOW_PARENT_RUN_ID, first)
        client.set_tag(run, MLFLOW_RUN_NAME, f"{name}, member {number}")
        client.set_terminated(run)


def run_name(run: str) -> str:
    """Return the name of a run, such as ``phase-1-demo-seed-7``."""
    return str(mlflow.MlflowClient().get_run(run).info.run_name)


def log_curve(run: str, key: str, curve: Path) -> None:
    """Log a ROC curve of :mod:`unmask.evaluation.plots` so that the UI draws those of several runs.

    MLflow compares metrics by their step: it is the false positive rate in thousandths, the value
    the true positive rate there.
    """
    points = pd.read_csv(curve)
    grid = np.arange(0, 1001, CURVE_STEP)
    values = np.interp(grid / 1000, points["fpr"], points["tpr"])
    now_ms = round(time.time() * 1000)
    metrics = [
        Metric(key, float(value), now_ms, int(step))
        for step, value in zip(grid, values, strict=True)
    ]
    mlflow.MlflowClient().log_batch(run, metrics)


@contextmanager
def system_metrics(run: str) -> Iterator[None]:
    """Log the load of processor, memory, disk, network and GPU as metrics of a run, while inside.

    A measurement every ten seconds, as MLflow does it; a resumed run goes on counting.
    """
    monitor = SystemMetricsMonitor(run, resume_logging=True)
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()


def log_folder(run: str, folder: Path, artifact_path: str) -> None:
    """Log the files of ``folder`` as the run's artifacts under ``artifact_path``."""
    mlflow.MlflowClient().log_artifacts(run, str(folder), artifact_path)


def log_page(run: str, page: str, artifact_file: str) -> None:
    """Log a page of HTML or Markdown as an artifact of the run."""
    mlflow.MlflowClient().log_text(run, page, artifact_file)


def log_table(run: str, rows: Sequence[Any], artifact_file: str) -> None:
    """Log dataclasses as a CSV table, with dotted columns for nested ones; nothing without rows."""
    lines = [flatten(asdict(row)) for row in rows]
    if not lines:
        return
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(dict.fromkeys(key for line in lines for key in line)))
    writer.writeheader()
    writer.writerows(lines)
    mlflow.MlflowClient().log_text(run, stream.getvalue(), artifact_file)


def log_skipped_clips(run: str, skipped: Mapping[str, str]) -> None:
    """Log the number of clips that the run went on without, and their reasons as a table."""
    client = mlflow.MlflowClient()
    client.log_metric(run, to_grouped_key("clips_skipped"), len(skipped))
    client.log_text(run, to_csv(skipped), "skipped_clips.csv")


def lightning_logger(run: str, experiment: str = EXPERIMENT) -> Any:
    """Return a Lightning logger that writes to ``run`` during training."""
    from lightning.pytorch.loggers import MLFlowLogger

    return MLFlowLogger(experiment, tracking_uri=mlflow.get_tracking_uri(), run_id=run)


def find_experiment(name: str) -> str:
    """Return the identifier of an experiment, which is created if it does not exist.

    A tracking server decides where artifacts are stored; without one, they are stored in the
    folder ``MLFLOW_DEFAULT_ARTIFACT_ROOT``, beside the database, and are found there again after
    the checkout was moved, see :mod:`.artifact_paths`.
    """
    relocate_artifacts()
    uri = mlflow.get_tracking_uri()
    local = uri.startswith(SQLITE)
    if local:
        Path(uri.removeprefix(SQLITE)).parent.mkdir(parents=True, exist_ok=True)
    client = mlflow.MlflowClient()
    if known := client.get_experiment_by_name(name):
        return str(known.experiment_id)
    root = os.environ.get("MLFLOW_DEFAULT_ARTIFACT_ROOT") if local else None
    location = Path(root).absolute().as_uri() if root else None
    try:
        return str(client.create_experiment(name, location, EXPERIMENT_KIND))
    except mlflow.MlflowException:
        if known := client.get_experiment_by_name(name):  # created by another process meanwhile
            return str(known.experiment_id)
        raise


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings under dotted keys, as in ``--set``."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{prefix}{name}"
        flat |= flatten(value, f"{key}.") if isinstance(value, Mapping) else {key: value}
    return flat


def git_commit() -> str:
    """Return the commit of this checkout; ``-dirty`` is appended if tracked files differ."""
    result = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip() or "unknown"


def _tags(settings: Settings, data_version: str) -> dict[str, str]:
    commit = git_commit()
    return {
        MLFLOW_RUN_NAME: f"phase-{settings.phase}-{settings.profile}-seed-{settings.seed}",
        MLFLOW_GIT_COMMIT: commit.removesuffix("-dirty"),
        MLFLOW_SOURCE_NAME: SOURCE,
        MLFLOW_SOURCE_TYPE: SourceType.to_string(SourceType.LOCAL),
        MLFLOW_USER: _user(),
        "commit": commit,
        "phase": str(settings.phase),
        "profile": settings.profile,
        "seed": str(settings.seed),
        "data_version": data_version,
        "unmask_version": __version__,
    }


def _user() -> str:
    """Return who runs this; some containers have no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _describe_clip(clip: Clip) -> dict[str, Any]:
    names = ("clip_id", "sha256", "identity", "source", "manipulation", "compression", "is_fake")
    return {name: getattr(clip, name) for name in names} | {"duration_s": float(clip.duration_s)}


def _exists(run: str) -> bool:
    try:
        return mlflow.MlflowClient().get_run(run).info.lifecycle_stage == "active"
    except mlflow.MlflowException:
        return False
