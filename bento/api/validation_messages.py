"""Messages of invalid parameters in the words of the API, not in those of its validator."""

from collections.abc import Mapping, Sequence
from typing import Any

# by the type of pydantic's error; `{name}` is replaced by a value of its context
MESSAGES = {
    "bool_parsing": "must be true or false",
    "enum": "must be one of {expected}",
    "extra_forbidden": "is not known here; leave it out",
    "finite_number": "must be a finite number",
    "float_parsing": "must be a number",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "has too many digits",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be one of {expected}",
    "missing": "is missing; send it",
    "string_pattern_mismatch": "does not have the form that /docs describes",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "string_type": "must be text",
    "value_error": "{error}",
}
INVALID = "is invalid; /docs describes what it takes"


def describe_invalid(errors: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return parameter and message of each of pydantic's errors.

    Example:
        >>> describe_invalid([{"type": "int_parsing", "loc": ("query", "limit"), "msg": "…"}])
        [{'parameter': 'limit', 'detail': 'must be a whole number'}]
    """
    return [{"parameter": _parameter(error), "detail": _message(error)} for error in errors]


def _parameter(error: Mapping[str, Any]) -> str:
    names = [str(part) for part in error.get("loc", ())]
    return ".".join(names[1:]) or "".join(names)


def _message(error: Mapping[str, Any]) -> str:
    template = MESSAGES.get(error.get("type", ""), INVALID)
    return template.format_map({"error": INVALID, **error.get("ctx", {})})
