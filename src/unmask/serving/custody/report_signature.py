"""Signatures of reports: Ed25519 over the canonical JSON of all but the signature itself."""

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from unmask.errors import CustodyError
from unmask.serving.custody.canonical_json import canonical_bytes
from unmask.serving.custody.signing_key import from_base64, key_id
from unmask.serving.report.custody import Signature
from unmask.serving.report.schema import Report

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

SIGNATURE = "signature"  # the one field that is not signed


def sign_report(report: Report, key: "Ed25519PrivateKey") -> Report:
    """Return the report with a signature in place of an earlier one.

    Raises:
        CustodyError: A value has no canonical form.
    """
    public = key.public_key()
    signature = Signature(
        key_id=key_id(public),
        public_key=base64.b64encode(public.public_bytes_raw()).decode(),
        value=base64.b64encode(key.sign(signed_bytes(to_json_values(report)))).decode(),
    )
    return report.model_copy(update={SIGNATURE: signature})


def to_json_values(report: Report) -> dict[str, Any]:
    """Return a report as the values that a reader of its JSON gets."""
    values: dict[str, Any] = json.loads(report.model_dump_json())
    return values


def signed_bytes(report: Mapping[str, Any]) -> bytes:
    """Return the bytes that the signature of a report covers: all fields but itself.

    Raises:
        CustodyError: A value has no canonical form.
    """
    return canonical_bytes({name: value for name, value in report.items() if name != SIGNATURE})


def read_signature(report: Mapping[str, Any]) -> Signature | None:
    """Return the signature of a report; None if it has none.

    Raises:
        CustodyError: It is malformed, or of a kind that this release does not know.
    """
    if report.get(SIGNATURE) is None:
        return None
    try:
        return Signature.model_validate(report[SIGNATURE])
    except ValidationError as error:
        name = ".".join(map(str, error.errors()[0]["loc"]))
        raise CustodyError(f"has a malformed signature ({name}); get the report again") from error


def signer_of(signature: Signature) -> "Ed25519PublicKey":
    """Return the public key that a signature names.

    Raises:
        CustodyError: It is not an Ed25519 public key, or does not match the key id.
    """
    try:
        key = from_base64(signature.public_key)
    except ValueError as error:
        raise CustodyError("names no Ed25519 public key; get the report again") from error
    if key_id(key) != signature.key_id:
        raise CustodyError("names a key of another key id; get the report again")
    return key


def is_intact(report: Mapping[str, Any], signature: Signature) -> bool:
    """Return whether the report is as the named key signed it.

    Raises:
        CustodyError: A value has no canonical form, or the signature names no key.
    """
    from cryptography.exceptions import InvalidSignature

    key, content = signer_of(signature), signed_bytes(report)
    try:
        key.verify(base64.b64decode(signature.value, validate=True), content)
    except (InvalidSignature, ValueError):
        return False
    return True
