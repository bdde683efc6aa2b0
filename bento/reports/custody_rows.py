"""Rows of the PDF on the chain of custody: label and text."""

from collections.abc import Iterator
from datetime import UTC, datetime

from unmask.serving.report.custody import Custody
from unmask.serving.report.schema import Report

HOW_TO_VERIFY = (
    "The JSON report is signed, this document is not. `unmask verify report.json --file VIDEO "
    "--key KEYS` checks report and file, with the public keys that the service offers as "
    "/report-keys.pem."
)


def custody_rows(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what the report states about its origin; nothing for one of an earlier release."""
    custody = report.custody
    if custody is None:
        return
    yield "Case number", custody.case_number or "not stated"
    yield "Operator", custody.operator or "not stated"
    if custody.received_at is not None:
        yield "File received", format_time(custody.received_at)
    yield "Analysis", f"{format_time(custody.started_at)} to {format_time(custody.finished_at)}"
    yield "SHA-256 of the file", report.media.sha256
    yield "SHA-256 of the detector", report.model.sha256
    yield "SHA-256 of the settings", custody.settings_sha256
    yield "Versions", _versions(custody)
    if report.signature is None:
        yield "Signature", "The JSON report is not signed."
    else:
        yield "Signature", f"Ed25519, key {report.signature.key_id}. {HOW_TO_VERIFY}"


def format_time(time: datetime) -> str:
    """Return a time in UTC, to the second.

    Example:
        >>> format_time(datetime(2026, 11, 30, 10, 0, 9, tzinfo=UTC))
        '2026-11-30 10:00:09 UTC'
    """
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _versions(custody: Custody) -> str:
    return ", ".join(f"{name} {version}" for name, version in custody.versions.items())
