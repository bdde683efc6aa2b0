"""Canonical JSON (RFC 8785): the same bytes for the same values, however they were written."""

import hashlib
import json
from typing import Any

import rfc8785

from unmask.errors import CustodyError


def canonical_bytes(value: Any) -> bytes:
    """Return JSON values in the canonical form of RFC 8785.

    Raises:
        CustodyError: A number has no such form: it is not finite, or an integer beyond 2**53.

    Example:
        >>> canonical_bytes({"b": 1.0, "a": [True, "ü"]}).decode()
        '{"a":[true,"ü"],"b":1}'
    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise CustodyError(f"has no canonical form ({error}); get the report again") from error


def canonical_sha256(value: Any) -> str:
    """Return the SHA-256 of :func:`canonical_bytes`, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def parse_object(text: str | bytes) -> dict[str, Any]:
    """Parse a JSON object that can be read in one way only.

    Raises:
        CustodyError: It is not a JSON object; a name occurs twice, of which programs read either;
            or a number is not finite.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except CustodyError:
        raise
    except (ValueError, RecursionError) as error:
        raise CustodyError(f"is not JSON ({error}); give the report as JSON") from error
    if not isinstance(value, dict):
        raise CustodyError("is not a JSON object; give the report as JSON")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise CustodyError(f"has {repeated!r} twice in one object; get the report again")
    return values


def _refuse_constant(name: str) -> Any:
    raise CustodyError(f"has the number {name}, which JSON does not know; get the report again")
