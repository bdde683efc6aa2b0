"""MLflow model registry: a model per phase, aliases ``champion``, ``challenger``, ``baseline``.

A version holds a bundle (safetensors and JSON) and the library that reads it. Nothing is
pickled: MLflow loads it through ``unmask.serving.pyfunc``.

Candidates are compared with the baseline. It does not follow the champion, so that many small
losses cannot add up: :func:`pin_baseline` alone moves it, by command or at a release.
"""

from collections.abc import Mapping
from pathlib import Path

import mlflow
import mlflow.pyfunc
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

import unmask
from steps.platforms import run_summary
from steps.platforms.mlflow_runs import git_commit
from steps.platforms.requirements import pinned_requirements
from steps.platforms.run_summary import RunRequest, Summary
from unmask.errors import GateError
from unmask.evaluation.evaluate import Evaluation
from unmask.evaluation.gates import GateReport
from unmask.models.bundle import load_bundle

CHAMPION, CHALLENGER, BASELINE = "champion", "challenger", "baseline"
LOADER = "unmask.serving.pyfunc"
SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec("string", "path")]),
    outputs=Schema(
        [
            ColSpec("string", "path"),
            ColSpec("string", "verdict"),
            ColSpec("double", "fake_probability", required=False),
            ColSpec("string", "report"),
        ]
    ),
)


def model_name(phase: int) -> str:
    """Return the name of the phase's registered model."""
    return f"unmask-phase-{phase}"


def register_candidate(
    run: str,
    bundle: Path,
    evaluation: Evaluation,
    gates: GateReport,
    data_version: str,
    request: RunRequest,
) -> str:
    """Register a bundle as champion or challenger, and write the run's summary.

    Returns:
        The registered version.
    """
    tags = {
        "bundle_sha256": load_bundle(bundle).sha256,
        "data_version": data_version,
        "git_commit": git_commit(),
        "phase": str(request.phase),
        "profile": request.profile,
        "gates": _describe_gates(gates),
    }
    version = register(run, request.phase, bundle, tags)
    mlflow.MlflowClient().set_model_version_tag(  # the version may have missed them before
        model_name(request.phase), version, "gates", tags["gates"]
    )
    alias = CHAMPION if run_summary.promotable(gates) else CHALLENGER
    if alias == CHAMPION:
        _pin_first_baseline(request.phase, version)
    set_alias(request.phase, version, alias)
    name = model_name(request.phase)
    summary = Summary(request, data_version, run, name, version, alias, evaluation, gates)
    run_summary.save(summary)
    return version


def record_serving(summary: Summary) -> None:
    """Tag the registered version with the choice whether to serve it."""
    if summary.serving is not None:
        name, version = summary.model, summary.version
        text = summary.serving.describe()
        mlflow.MlflowClient().set_model_version_tag(name, version, "served", text)


def register(run: str, phase: int, bundle: Path, tags: Mapping[str, str]) -> str:
    """Register a bundle as a version of its phase's model, unless it is registered already.

    Args:
        run: MLflow run that trained it.
        tags: Tags of the version; ``bundle_sha256`` identifies the bundle.

    Returns:
        The version.
    """
    client, name = mlflow.MlflowClient(), model_name(phase)
    for known in client.search_model_versions(f"name = '{name}'"):
        if known.tags.get("bundle_sha256") == tags["bundle_sha256"] and known.run_id == run:
            return str(known.version)
    with mlflow.start_run(run_id=run):
        logged = mlflow.pyfunc.log_model(
            name="detector",
            loader_module=LOADER,
            data_path=str(bundle),
            code_paths=[str(Path(unmask.__file__).parent)],
            signature=SIGNATURE,
            input_example=pd.DataFrame({"path": ["clip.mp4"]}),
            pip_requirements=pinned_requirements(),
            registered_model_name=name,
        )
    version = str(logged.registered_model_version)
    for key, text in tags.items():
        client.set_model_version_tag(name, version, key, text)
    return version


def set_alias(phase: int, version: str, alias: str) -> None:
    """Set ``champion`` or ``challenger`` to a version; a new champion loses ``challenger``."""
    client, name = mlflow.MlflowClient(), model_name(phase)
    client.set_registered_model_alias(name, alias, version)
    challenger = client.get_registered_model(name).aliases.get(CHALLENGER)
    if alias == CHAMPION and str(challenger) == version:
        client.delete_registered_model_alias(name, CHALLENGER)


def download(phase: int, folder: Path, version: str = "", required: bool = False) -> Path:
    """Download a registered bundle into an empty folder.

    Args:
        version: Registered version; the champion if empty.
        required: Whether a missing champion is an error.

    Returns:
        The bundle's folder; ``folder``, empty, if there is no champion and none is required.

    Raises:
        GateError: The version, or a required champion, is not registered.
    """
    if not (required or version) and _find_version(phase) is None:
        return folder
    return _download_version(phase, resolve_version(phase, version), folder)


def download_baseline(phase: int, folder: Path) -> Path:
    """Download the baseline into an empty folder, or the champion of before there was one.

    Returns:
        The bundle's folder; ``folder``, empty, if nothing was promoted yet.
    """
    pinned = _find_version(phase, alias=BASELINE) or _find_version(phase)
    return folder if pinned is None else _download_version(phase, pinned, folder)


def resolve_version(phase: int, version: str = "") -> str:
    """Return a registered version, the champion if ``version`` is empty.

    Raises:
        GateError: It is not registered.
    """
    known = _find_version(phase, version)
    if known is None:
        missing = f"version {version}" if version else "champion"
        raise GateError(f"{model_name(phase)}: no {missing} is registered; run `make train` first")
    return known


def has_passed_gates(phase: int, version: str) -> bool:
    """Return whether a registered version passed its required gates, as every champion did."""
    known = mlflow.MlflowClient().get_model_version(model_name(phase), version)
    untagged = "passed" if _find_version(phase) == version else ""
    return bool(known.tags.get("gates", untagged) == "passed")


def pin_baseline(phase: int, version: str = "") -> str:
    """Make a registered version the baseline, the champion if ``version`` is empty; return it.

    Raises:
        GateError: It is not registered, or did not pass its gates.
    """
    known = resolve_version(phase, version)
    if not has_passed_gates(phase, known):
        raise GateError(
            f"{model_name(phase)} version {known} passed no required gates, or missed one, and "
            "cannot be the baseline; pin another version, or train again: with "
            "gates.baseline_drop.level=reported and gates.non_inferiority.level=reported if it is "
            "meant to be worse than the baseline"
        )
    mlflow.MlflowClient().set_registered_model_alias(model_name(phase), BASELINE, known)
    return known


def _describe_gates(gates: GateReport) -> str:
    if run_summary.promotable(gates):
        return "passed"
    return "reported" if gates.passed else "short"  # reported: none is required


def _pin_first_baseline(phase: int, version: str) -> None:
    """Pin the champion so far if there is no baseline, or the first version to be promoted."""
    if _find_version(phase, alias=BASELINE) is None:
        pin_baseline(phase, _find_version(phase) or version)


def _download_version(phase: int, version: str, folder: Path) -> Path:
    uri = f"models:/{model_name(phase)}/{version}"
    mlflow.artifacts.download_artifacts(uri, dst_path=str(folder))
    return next(folder.glob("data/*/"))


def _find_version(phase: int, version: str = "", alias: str = CHAMPION) -> str | None:
    client, name = mlflow.MlflowClient(), model_name(phase)
    try:
        if version:
            return str(client.get_model_version(name, version).version)
        return str(client.get_model_version_by_alias(name, alias).version)
    except mlflow.MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        return None
