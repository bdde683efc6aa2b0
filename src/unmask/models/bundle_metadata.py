"""Metadata of a bundle on disk: everything but its weights."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from unmask.config import ModelSettings, PreprocessingSettings, UncertaintySettings, from_dict
from unmask.errors import BundleError, ConfigError
from unmask.files import atomic_write, file_sha256
from unmask.models.bundle_upgrades import upgrade_metadata
from unmask.models.calibration.domain import CalibrationDomain
from unmask.models.calibration.platt import Calibration
from unmask.models.scoring_bundle import SCHEMA_VERSION, read_reasons
from unmask.records import FOOTAGE_FACTS

METADATA = "bundle.json"
SYNC_WEIGHTS = "sync.safetensors"
GATES = "gates.json"
CONDITIONS = "conditions"  # key of it
OMITTED = "omitted_weights"  # key of the metadata, in bundles that are not whole
SYNC_OMITTED = "omitted_sync_voice"  # key of its hash where the speech model of lip-sync is absent


def read_untrained(folder: Path) -> dict[str, str]:
    """Return :attr:`.ScoringBundle.untrained` of a bundle on disk, without reading its weights.

    Raises:
        BundleError: The folder has no bundle, or its metadata are damaged.
    """
    return read_reasons(read_metadata(folder)["provenance"])


def is_whole(folder: Path) -> bool:
    """Return whether a bundle on disk has all of its weights.

    Raises:
        BundleError: The folder has no bundle, or its metadata are damaged.
    """
    metadata = read_metadata(folder)
    return not metadata.get(OMITTED) and not metadata.get(SYNC_OMITTED)


def read_metadata(folder: Path) -> dict[str, Any]:
    """Return the content of ``bundle.json`` in the present schema.

    Raises:
        BundleError: The folder has no bundle, its schema is unknown, or the file is damaged.
    """
    path = folder / METADATA
    try:
        metadata = json.loads(path.read_text())
        schema = metadata["schema_version"]
    except OSError as error:
        raise BundleError(f"{folder}: no bundle here; train one with: make train") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path}: damaged; train or fetch it again") from error
    if schema not in range(1, SCHEMA_VERSION + 1):
        raise BundleError(
            f"{path}: schema {schema} is not supported, only up to {SCHEMA_VERSION}; use the "
            "version of unmask that wrote it, or train again"
        )
    return upgrade_metadata(metadata)


def read_facts(folder: Path, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a :class:`.ScoringBundle` but its networks.

    Raises:
        BundleError: A value is missing or wrong.
    """
    try:
        facts = {
            "preprocessing": from_dict(PreprocessingSettings, metadata["preprocessing"]),
            "calibration": from_dict(Calibration, metadata["calibration"]),
            "phase": metadata["phase"],
            "profile": metadata["profile"],
            "provenance": metadata["provenance"],
            "schema_version": metadata["schema_version"],
            "uncertainty": from_dict(UncertaintySettings, metadata["uncertainty"]),
            "domain": _domain(metadata["domain"]),
        }
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise damaged(folder, error) from error
    return {**facts, "sha256": file_sha256(folder / METADATA), **_read_gates(folder / GATES)}


def read_member_settings(folder: Path, metadata: Mapping[str, Any]) -> list[ModelSettings]:
    """Return the settings of each member.

    Raises:
        BundleError: A value is missing or wrong.
    """
    try:
        return [from_dict(ModelSettings, member) for member in metadata["members"]]
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise damaged(folder, error) from error


def damaged(folder: Path, error: Exception) -> BundleError:
    """Return the error of a value in ``bundle.json`` that is missing or wrong."""
    return BundleError(f"{folder / METADATA}: damaged: {error}; train or fetch it again")


def _domain(values: Mapping[str, Any] | None) -> CalibrationDomain | None:
    """Return the domain; ``None`` where another release measured facts unknown to this one."""
    domain = None if values is None else from_dict(CalibrationDomain, values)
    return domain if domain is not None and {*domain.facts} <= {*FOOTAGE_FACTS} else None


def copy_gates(source: Path, target: Path) -> None:
    """Copy what was measured at promotion, if anything was, to a bundle with the same scores."""
    if (source / GATES).is_file():
        shutil.copyfile(source / GATES, target / GATES)


def _read_gates(path: Path) -> dict[str, Any]:
    """Return what was measured at promotion; files of before version 0.3 are a list of results."""
    try:
        content = json.loads(path.read_text()) if path.exists() else []
        if isinstance(content, list):
            return {"gates": tuple(content)}
        rows, notes = tuple(content["rows"]), tuple(content["notes"])
        own = {name: content.get(name) for name in ("measured", "coverage", "attack_flag")}
        conditions = tuple(content.get(CONDITIONS, ()))
        return {"gates": rows, "notes": notes, "conditions": conditions, **own}
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{path}: damaged; promote the bundle again, or delete it") from error


def read_promotion(folder: Path) -> dict[str, Any]:
    """Return what was measured when a bundle was promoted, as ``gates.json`` holds it.

    Raises:
        BundleError: The bundle was not promoted, or by a version before 0.3.
    """
    path = folder / GATES
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: cannot be read; promote the bundle with make train") from error
    if not isinstance(content, dict):
        raise BundleError(f"{path}: is of an older version; promote the bundle with make train")
    return content


def store_conditions(folder: Path, conditions: Iterable[Mapping[str, Any]]) -> Path:
    """Replace what was measured on re-encoded test clips in a promoted bundle.

    Returns:
        The file that was written.

    Raises:
        BundleError: As for :func:`read_promotion`.
    """
    path, content = folder / GATES, read_promotion(folder)
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(content | {CONDITIONS: list(conditions)}, indent=2) + "\n")
    return path
