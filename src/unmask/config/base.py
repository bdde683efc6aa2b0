"""Base class of all settings, and their conversion from and to plain values.

Settings are frozen. Unknown keys are errors and types are strict: a flag is not a number, and
a number is not a text unless the field accepts both.
"""

from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Annotated, Any, Self, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from unmask.errors import ConfigError

T = TypeVar("T")

TYPE_NAMES = {
    "bool_type": "true or false",
    "float_type": "a number",
    "int_type": "a whole number",
    "string_type": "text",
    "model_type": "a block of settings",
    "dataclass_type": "a block of settings",
}
BOUNDS = {
    "greater_than_equal": "use {ge:g} or more",
    "greater_than": "use more than {gt:g}",
    "less_than_equal": "use {le:g} or less",
    "less_than": "use less than {lt:g}",
    "literal_error": "use {expected}",
    "value_error": "{error}",
}


def number_to_text(value: object) -> object:
    """Return a number as text, anything else as it is: YAML reads ``32`` as a number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else value


Text = Annotated[str, BeforeValidator(number_to_text)]
Fraction = Annotated[float, Field(ge=0, le=1)]
OpenFraction = Annotated[float, Field(gt=0, lt=1)]


class SettingsModel(BaseModel):
    """Frozen settings with strict types that refuse unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, serialize_by_alias=True)

    def replace(self, **changes: Any) -> Self:
        """Return a copy with ``changes``, validated like the original.

        Raises:
            ConfigError: A key is unknown or a value is wrong.
        """
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return from_dict(type(self), values | changes)


def from_dict(kind: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Build settings, or another record of that kind, from plain values of YAML or JSON.

    Args:
        kind: A :class:`SettingsModel` or a dataclass.
        where: Dotted name of the block, for error messages.

    Raises:
        ConfigError: A key is unknown or a value is wrong; every such key is named.
    """
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        problems = [_message(kind, item, where) for item in error.errors(include_url=False)]
        raise ConfigError("\n".join(problems)) from error


def to_dict(settings: Any) -> dict[str, Any]:
    """Return settings, or a dataclass, as plain values; :func:`from_dict` reads them back.

    Keys are those that bundles store and that cache keys are computed from: a field that was
    renamed keeps its stored key.
    """
    plain: dict[str, Any] = TypeAdapter(type(settings)).dump_python(settings)
    return plain


def _message(kind: type[Any], problem: ErrorDetails, where: str) -> str:
    loc, code = problem["loc"], problem["type"]
    name = _dotted(where, loc)
    if code in ("extra_forbidden", "unexpected_keyword_argument"):
        known = ", ".join(sorted(_block_keys(kind, loc[:-1])))
        block = _dotted(where, loc[:-1]) or "the top level"
        return f"unknown key under {block}: {loc[-1]}; known: {known}"
    if code == "missing":
        return f"{name} is missing; set it"
    given = problem["input"]
    if code == "tuple_type":
        return f"{name} is {given!r}; expected a list, such as [{given}]"
    if code in TYPE_NAMES:
        return f"{name} is {given!r}; expected {TYPE_NAMES[code]}"
    if code in BOUNDS:
        return f"{name} is {given!r}; {BOUNDS[code].format(**problem['ctx'])}"
    return f"{name} is {given!r}: {problem['msg']}"


def _dotted(where: str, loc: tuple[int | str, ...]) -> str:
    parts = [where] if where else []
    return ".".join([*parts, *(str(key) for key in loc if isinstance(key, str))])


def _block_keys(kind: Any, loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys of the block at ``loc`` inside ``kind``."""
    for key in loc:
        if isinstance(key, int):  # an entry of a list, whose type is at hand already
            continue
        kind = _field_types(kind)[key]
        kind = next((arg for arg in get_args(kind) if arg is not type(None)), kind)
    return list(_field_types(kind))


def _field_types(kind: Any) -> dict[str, Any]:
    if is_dataclass(kind):
        return get_type_hints(kind)
    return {name: info.annotation for name, info in kind.model_fields.items()}
