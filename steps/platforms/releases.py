"""Releases: openings of sealed test splits, counted as MLflow runs and on registered versions.

A sealed split gives an unbiased estimate once. Every further look at it lets a choice depend on
it, so each opening has a run in the experiment ``unmask-releases``, also one that fails.
"""

import logging
import shutil
from datetime import UTC, datetime
from pathlib import Path

import mlflow
from mlflow.entities import ViewType
from rich.console import Console

from steps.platforms.mlflow_runs import find_experiment, git_commit, log_folder
from steps.platforms.model_registry import (
    has_passed_gates,
    model_name,
    pin_baseline,
    resolve_version,
)
from steps.platforms.paths import RELEASES
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.console_tables import baseline_table, evaluation_table
from unmask.evaluation.evaluate import Evaluation

EXPERIMENT = "unmask-releases"
MAX_OPENINGS = 10_000  # that are counted

log = logging.getLogger(__name__)


def count_opening(phase: int, version: str, sealed_version: str) -> str:
    """Record that a registered version is about to be scored on a sealed split.

    The count is by the content of the split, for all versions and phases.

    Args:
        version: Registered version; the champion if empty.
        sealed_version: See :func:`steps.platforms.dvc_data.sealed_version`.

    Returns:
        The identifier of the release's MLflow run.

    Raises:
        GateError: The version is not registered.
    """
    client, name, known = mlflow.MlflowClient(), model_name(phase), resolve_version(phase, version)
    experiment, number = find_experiment(EXPERIMENT), 1
    earlier = client.search_runs(
        [experiment], f"tags.sealed_version = '{sealed_version}'", ViewType.ALL, MAX_OPENINGS
    )
    number += len(earlier)
    trained = client.get_model_version(name, known).tags
    opening = {
        "sealed_version": sealed_version,
        "sealed_openings": str(number),
        "sealed_opened_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    tags = {
        **opening,
        "phase": str(phase),
        "model": name,
        "version": known,
        "bundle_sha256": trained.get("bundle_sha256", ""),
        "commit": git_commit(),
    }
    title = f"{name} version {known}, opening {number}"
    run = client.create_run(experiment, run_name=title, tags=tags).info.run_id
    for key, text in opening.items():
        client.set_model_version_tag(name, known, key, text)
    if earlier:
        log.warning(
            "opening number %d of the sealed split: a choice may depend on the earlier ones, and "
            "its score is no longer that of clips which no choice has seen; seal new clips",
            number,
        )
    if sealed_version not in trained.get("data_version", "").split():
        log.warning(
            "%s version %s was trained without this sealed split in its --data: nobody has "
            "checked that its people and files are not in the training data",
            name,
            known,
        )
    return str(run)


def record_release(
    run: str, evaluation: Evaluation, comparison: BaselineComparison, report: Path
) -> None:
    """Log the sealed scores, end the run, and print them.

    The released version becomes the baseline if it passed its gates and its AUC is not below the
    baseline's.

    Args:
        run: Run of :func:`count_opening`.
        report: Folder with scores, metrics and plots; copied to ``outputs/releases``.
    """
    client = mlflow.MlflowClient()
    tags = client.get_run(run).data.tags
    values = evaluation.to_metrics()
    for key in ("difference", "lower"):
        if (value := getattr(comparison, key)) is not None:
            values[f"baseline_{key}"] = value
    values["sealed_openings"] = float(tags["sealed_openings"])
    for key, metric in values.items():
        client.log_metric(run, key, metric)
    phase, version = int(tags["phase"]), tags["version"]
    passed = has_passed_gates(phase, version)
    moved = passed and not comparison.problem and (comparison.difference or 0.0) >= 0
    if moved:
        pin_baseline(phase, version)
    client.set_tag(run, "baseline", "moved" if moved else "kept")
    client.set_model_version_tag(tags["model"], tags["version"], "sealed_auc", f"{evaluation.auc}")
    shutil.copytree(report, RELEASES / run)
    log_folder(run, report, "release")
    client.set_terminated(run)
    kept = "kept" if passed else "kept; this version did not pass its gates"
    _print_release(tags, evaluation, comparison, "now this version" if moved else kept)


def _print_release(
    tags: dict[str, str], evaluation: Evaluation, comparison: BaselineComparison, baseline: str
) -> None:
    console, openings = Console(), int(tags["sealed_openings"])
    console.print(evaluation_table(evaluation))
    if comparison.problem:
        console.print(comparison.problem)
    elif comparison.difference is not None:
        lower = "no bound" if comparison.lower is None else f"at least {comparison.lower:+.3f}"
        console.print(
            f"AUC against {comparison.baseline}: {comparison.difference:+.3f} "
            f"({lower} at 95 % confidence)"
        )
        if comparison.sources:
            console.print(baseline_table(comparison.sources))
    console.print(f"baseline: {baseline}")
    often = "first opening" if openings == 1 else f"[bold]OPENING NUMBER {openings}[/bold]"
    console.print(f"{often} of {tags['sealed_version']}", soft_wrap=True)
