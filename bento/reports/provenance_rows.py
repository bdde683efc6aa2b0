"""Rows of the PDF on the provenance of the file: label and text."""

from collections.abc import Iterator

from unmask.serving.report.provenance import ContentCredentials, CredentialAction
from unmask.serving.report.schema import Report

MAX_ACTIONS = 20
UNSTATED = "not stated"


def provenance_rows(report: Report) -> Iterator[tuple[str, str]]:
    """Yield what the file states about its origin; nothing for a report of an earlier release."""
    if report.provenance is None:
        return
    credentials, traces = report.provenance.credentials, report.provenance.traces
    yield "Content Credentials", credentials.validation or credentials.status.replace("_", " ")
    if credentials.validation is not None:
        yield from _credential_rows(credentials)
    yield "Container", traces.container
    yield "Written by", traces.encoder or UNSTATED
    if traces.encoder_settings is not None:
        yield "Video encoder", traces.encoder_settings
    yield "Device", traces.device or UNSTATED
    yield "Editing programs", ", ".join(traces.software) or "none stated"
    yield "Created", traces.created_at or UNSTATED


def _credential_rows(credentials: ContentCredentials) -> Iterator[tuple[str, str]]:
    names = [name for name in (credentials.signer, credentials.organization) if name]
    yield "Signed by", ", ".join(dict.fromkeys(names)) or UNSTATED
    yield "Signed at", credentials.signed_at or "no time stamp"
    yield "Made with", credentials.generator or UNSTATED
    for failure in credentials.failures:
        yield "Failed check", f"{failure.code}: {failure.message}"
    for action in credentials.actions[:MAX_ACTIONS]:
        yield "Claimed action", _describe_action(action)
    for item in credentials.ingredients:
        with_own = ", with Content Credentials of its own" if item.has_credentials else ""
        yield "Claimed ingredient", f"{item.title or 'without a name'}{with_own}"


def _describe_action(action: CredentialAction) -> str:
    facts = (action.action, action.description, action.software, action.source_type, action.when)
    return ", ".join(fact for fact in facts if fact)


def ingredient_captions(report: Report) -> dict[str, str]:
    """Return a caption for the thumbnail of each ingredient, by its file name."""
    if report.provenance is None:
        return {}
    return {
        item.thumbnail: f"Thumbnail of the claimed ingredient {item.title or 'without a name'}"
        for item in report.provenance.credentials.ingredients
        if item.thumbnail is not None
    }
