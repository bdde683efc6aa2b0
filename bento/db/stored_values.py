"""Stored values of other releases: read as far as this release knows them."""

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from unmask.serving.report.schema import Report

Value = TypeVar("Value", bound=BaseModel)


def read_report(stored: object) -> Report | None:
    """Return a stored report of any released schema; None if this release cannot represent it.

    Fields that this release does not know are dropped. The stored value stays as it is.
    """
    return read_leniently(Report, stored)


def read_leniently(model: type[Value], stored: object) -> Value | None:
    """Validate ``stored`` without the fields that ``model`` does not know; None if that fails."""
    if not isinstance(stored, dict):
        return None
    try:
        return model.model_validate(stored)
    except ValidationError as error:
        unknown = [entry["loc"] for entry in error.errors() if entry["type"] == "extra_forbidden"]
    try:
        return model.model_validate(_without(stored, unknown)) if unknown else None
    except ValidationError:
        return None


def _without(stored: dict[str, Any], locations: Sequence[tuple[int | str, ...]]) -> Any:
    """Return a copy of ``stored`` without the values at ``locations``."""
    dropped = set(locations)

    def copy(value: Any, location: tuple[int | str, ...]) -> Any:
        if isinstance(value, dict):
            items = ((key, child, (*location, key)) for key, child in value.items())
            return {key: copy(child, path) for key, child, path in items if path not in dropped}
        if isinstance(value, list):
            return [copy(child, (*location, index)) for index, child in enumerate(value)]
        return value

    return copy(stored, ())
