"""The MLflow registry: one model per phase, aliases `champion` and `challenger`.

A version holds a bundle (safetensors and JSON) and the library that reads it. Nothing in it
is pickled: MLflow loads it through ``unmask.serving.pyfunc``.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

import mlflow
import mlflow.pyfunc
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

import unmask
from steps.platforms.requirements import pinned_requirements
from unmask.errors import GateError

CHAMPION, CHALLENGER = "champion", "challenger"
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
    """Each phase has its own champion."""
    return f"unmask-phase-{phase}"


def register(run: str, phase: int, bundle: Path, tags: Mapping[str, str]) -> str:
    """Make a bundle a version of its phase's model, once.

    Args:
        run: The MLflow run it came from.
        tags: Of the version; ``bundle_sha256`` tells whether the bundle is there already.

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
    """Point ``champion`` or ``challenger`` at a version; a champion is no challenger any more."""
    client, name = mlflow.MlflowClient(), model_name(phase)
    client.set_registered_model_alias(name, alias, version)
    other = client.get_registered_model(name).aliases.get(CHALLENGER)
    if alias == CHAMPION and str(other) == version:
        client.delete_registered_model_alias(name, CHALLENGER)


def download(phase: int, version: str = "", needed: bool = False) -> Path:
    """Copy a registered bundle into a new folder.

    Args:
        version: Which one; the champion if empty.
        needed: Whether it is an error that there is no champion yet.

    Returns:
        The bundle; an empty folder where there is no champion and none is needed.

    Raises:
        GateError: What is asked for is not registered.
    """
    name, place = model_name(phase), mkdtemp(prefix="unmask-")
    found = _find(name, version)
    if found is None and not (needed or version):
        return Path(place)
    if found is None:
        wanted = f"version {version}" if version else "champion"
        raise GateError(f"{name}: no {wanted} is registered; run `make train` first")
    mlflow.artifacts.download_artifacts(f"models:/{name}/{found}", dst_path=place)
    return next(Path(place).glob("data/*/"))


def _find(name: str, version: str) -> str | None:
    client = mlflow.MlflowClient()
    try:
        if version:
            return str(client.get_model_version(name, version).version)
        return str(client.get_model_version_by_alias(name, CHAMPION).version)
    except mlflow.MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        return None
