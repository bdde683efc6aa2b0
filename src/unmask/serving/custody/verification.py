"""Verification of a report: its signature, the file that was analyzed, and the detector."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unmask.errors import CustodyError
from unmask.files import file_sha256
from unmask.serving.custody.canonical_json import canonical_sha256, parse_object
from unmask.serving.custody.record import hash_bundle
from unmask.serving.custody.report_signature import is_intact, read_signature
from unmask.serving.custody.signing_key import find_key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

METADATA = "bundle.json"
MAX_NAMED = 3
Subject = Literal["signature", "signer", "settings", "file", "detector"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked, whether it holds, and in words why."""

    subject: Subject
    holds: bool
    message: str


def read_report_file(path: Path) -> dict[str, Any]:
    """Return a report on disk as JSON values, of any schema.

    Raises:
        CustodyError: The file cannot be read, or is no report.
    """
    try:
        report = parse_object(path.read_bytes())
    except OSError as error:
        raise CustodyError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except CustodyError as error:
        raise CustodyError(f"{path}: {error}") from error
    if not all(isinstance(report.get(name), dict) for name in ("media", "model")):
        raise CustodyError(f"{path}: is no report of unmask; give the report as JSON")
    return report


def check_signature(
    report: Mapping[str, Any], trusted: "Sequence[Ed25519PublicKey]"
) -> Iterator[Check]:
    """Yield whether the report is as it was signed, and whether a trusted key signed it.

    Raises:
        CustodyError: The signature is malformed.
    """
    signature = read_signature(report)
    if signature is None:
        yield Check("signature", False, "the report is not signed, so anybody may have changed it")
        return
    intact = is_intact(report, signature)
    what = "the report is as it was signed" if intact else "the report was changed after signing"
    yield Check("signature", intact, what)
    known = find_key(trusted, signature.key_id) is not None
    name = f"key {signature.key_id[:16]}"
    if known:
        yield Check("signer", True, f"{name} is a key that you trust")
    elif trusted:
        yield Check("signer", False, f"{name} is none of the given keys")
    else:
        remedy = "give the public key that the signer published with --key"
        yield Check("signer", False, f"{name} is unknown, and anybody can make one; {remedy}")


def check_settings(report: Mapping[str, Any]) -> Iterator[Check]:
    """Yield whether the settings have the stated hash; nothing for a report without them."""
    custody = report.get("custody")
    if isinstance(custody, dict):
        holds = canonical_sha256(custody.get("settings")) == custody.get("settings_sha256")
        differs = "the settings in the report do not have the hash that it states"
        yield Check("settings", holds, "have the stated hash" if holds else differs)


def check_file(report: Mapping[str, Any], path: Path) -> Check:
    """Return whether ``path`` is the analyzed file.

    Raises:
        CustodyError: The file cannot be read.
    """
    try:
        sha256 = file_sha256(path)
    except OSError as error:
        raise CustodyError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    stated = report["media"].get("sha256")
    if sha256 == stated:
        return Check("file", True, f"{path} is the analyzed file, SHA-256 {sha256}")
    message = f"{path} is another file: its SHA-256 is {sha256}, that of the report {stated}"
    return Check("file", False, message)


def check_detector(report: Mapping[str, Any], folder: Path) -> Check:
    """Return whether the bundle in ``folder`` made the report.

    Raises:
        BundleError: The folder cannot be read.
        CustodyError: It has no bundle.
    """
    files = hash_bundle(folder)
    if METADATA not in files:
        raise CustodyError(f"{folder}: has no {METADATA}; give the folder of a detector bundle")
    custody = report.get("custody")
    stated = custody.get("bundle_files") if isinstance(custody, dict) else None
    stated = (
        stated if isinstance(stated, dict) and stated else {METADATA: report["model"].get("sha256")}
    )
    differing = [name for name in sorted(stated) if files.get(name) != stated[name]]
    differing += sorted(set(files) - set(stated)) if len(stated) > 1 else []
    if not differing:
        return Check("detector", True, f"{folder} has the {len(stated)} stated file(s)")
    named = ", ".join(differing[:MAX_NAMED])
    more = f" and {len(differing) - MAX_NAMED} more" if len(differing) > MAX_NAMED else ""
    return Check("detector", False, f"{folder} differs from the report in {named}{more}")
