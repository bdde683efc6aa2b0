"""Content Credentials of a file, read by c2pa-python without any access to a network."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unmask.errors import ConfigError, MissingExtraError
from unmask.optional_deps import require
from unmask.serving.provenance.thumbnails import write_thumbnail
from unmask.serving.report.provenance import (
    ContentCredentials,
    CredentialAction,
    Ingredient,
    Validation,
    ValidationFailure,
)

TRUST_VARIABLE = "UNMASK_C2PA_TRUST_FILE"
MAX_ITEMS = 50  # of each list
MAX_TEXT = 300
MAX_FAILURES = 20
# FFmpeg's format to media type; C2PA knows no Matroska
MEDIA_TYPES = {
    "mov,mp4,m4a,3gp,3g2,mj2": "video/mp4",
    "avi": "video/avi",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
}
NO_NETWORK = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
REMOTE_ERROR = re.compile(r"Remote\w*: .*\burl (?P<url>\S+)")
REMOTE = "the manifest is stored elsewhere and was not fetched"


@dataclass(frozen=True, slots=True)
class CredentialsRequest:
    """What is read, and where to.

    Attributes:
        container: FFmpeg's name of the file's format.
        images_dir: Folder for thumbnails of ingredients; none are written without one.
        trust_file: Certificates in PEM that are trusted to sign; nobody is without it.
    """

    path: Path
    container: str
    images_dir: Path | None = None
    trust_file: Path | None = None


def read_credentials(request: CredentialsRequest) -> ContentCredentials:
    """Read and validate the Content Credentials of a file; a damaged manifest is no error.

    Raises:
        ConfigError: The trust file cannot be read.
    """
    media_type = MEDIA_TYPES.get(request.container)
    if media_type is None:
        note = f"Content Credentials of the format {request.container} cannot be read"
        return ContentCredentials(status="unsupported", note=note)
    try:
        c2pa = require("c2pa", extra="provenance")
    except MissingExtraError as error:
        return ContentCredentials(status="not_checked", note=str(error))
    context = c2pa.Context.from_dict(NO_NETWORK | trust_settings(request.trust_file))
    try:
        with request.path.open("rb") as file:
            reader = c2pa.Reader.try_create(media_type, file, context=context)
            if reader is None:
                return ContentCredentials(status="absent")
            with reader:
                return _describe(reader, request)
    except (c2pa.C2paError, ValueError) as error:
        if remote := REMOTE_ERROR.match(str(error)):
            url = _text(remote.group("url"))
            return ContentCredentials(status="remote", remote_url=url, note=REMOTE)
        return ContentCredentials(status="unreadable", note=_text(error))


def trust_settings(path: Path | None) -> dict[str, Any]:
    """Return the settings of c2pa that trust the certificates of a PEM file; none without one.

    Raises:
        ConfigError: The file cannot be read, or has no certificate.
    """
    if path is None:
        return {}
    try:
        certificates = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(_no_certificates(path)) from error
    if "-----BEGIN CERTIFICATE-----" not in certificates:
        raise ConfigError(_no_certificates(path))
    return {"trust": {"trust_anchors": certificates}}


def _no_certificates(path: Path) -> str:
    return f"{path}: has no certificates in PEM; name another file in {TRUST_VARIABLE}"


def _describe(reader: Any, request: CredentialsRequest) -> ContentCredentials:
    store = json.loads(reader.json())
    manifest = store.get("manifests", {}).get(store.get("active_manifest"))
    if not isinstance(manifest, dict):
        return ContentCredentials(status="unreadable", note="no active manifest")
    signature = _mapping(manifest.get("signature_info"))
    return ContentCredentials(
        status="present",
        validation=_validation(store),
        failures=tuple(_failures(store)),
        signer=_text(signature.get("common_name")),
        organization=_text(signature.get("issuer")),
        signed_at=_text(signature.get("time")),
        generator=_generator(manifest),
        title=_text(manifest.get("title")),
        actions=tuple(_actions(manifest)),
        ingredients=tuple(_ingredients(reader, manifest, request.images_dir)),
        assertions=tuple(_labels(manifest)),
        remote_url=_text(reader.get_remote_url()),
    )


def _validation(store: Mapping[str, Any]) -> Validation:
    """Return the state of the library; anything that it does not name is not taken for intact."""
    states: dict[object, Validation] = {"Trusted": "trusted", "Valid": "valid"}
    return states.get(store.get("validation_state"), "invalid")


def _failures(store: Mapping[str, Any]) -> Iterator[ValidationFailure]:
    for status in _items(store.get("validation_status"))[:MAX_FAILURES]:
        code, message = _text(status.get("code")), _text(status.get("explanation"))
        yield ValidationFailure(code=code or "unknown", message=message or "")


def _generator(manifest: Mapping[str, Any]) -> str | None:
    for info in _items(manifest.get("claim_generator_info")):
        return _text(" ".join(str(info[key]) for key in ("name", "version") if info.get(key)))
    return _text(manifest.get("claim_generator"))


def _labels(manifest: Mapping[str, Any]) -> Iterator[str]:
    for assertion in _items(manifest.get("assertions"))[:MAX_ITEMS]:
        yield _text(assertion.get("label")) or "unknown"


def _actions(manifest: Mapping[str, Any]) -> Iterator[CredentialAction]:
    listed = [
        action
        for assertion in _items(manifest.get("assertions"))
        if str(assertion.get("label")).startswith("c2pa.actions")
        for action in _items(_mapping(assertion.get("data")).get("actions"))
    ]
    for action in listed[:MAX_ITEMS]:
        agent = action.get("softwareAgent")
        yield CredentialAction(
            action=_text(action.get("action")) or "unknown",
            description=_text(action.get("description")),
            software=_text(_mapping(agent).get("name") if isinstance(agent, dict) else agent),
            when=_text(action.get("when")),
            source_type=_last_part(action.get("digitalSourceType")),
        )


def _ingredients(
    reader: Any, manifest: Mapping[str, Any], images_dir: Path | None
) -> Iterator[Ingredient]:
    for number, item in enumerate(_items(manifest.get("ingredients"))[:MAX_ITEMS], start=1):
        identifier = _mapping(item.get("thumbnail")).get("identifier")
        name = None
        if images_dir is not None and isinstance(identifier, str):
            target = images_dir / f"ingredient-{number}.png"
            name = write_thumbnail(reader, identifier, target)
        yield Ingredient(
            title=_text(item.get("title")),
            relationship=_text(item.get("relationship")),
            has_credentials=bool(item.get("active_manifest")),
            thumbnail=name,
        )


def _last_part(address: object) -> str | None:
    return None if address is None else _text(str(address).rstrip("/").rpartition("/")[2])


def _items(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    """Return a text of the manifest for people to read: printable, and not too long."""
    if value is None:
        return None
    printable = "".join(letter if letter.isprintable() else " " for letter in str(value))
    return printable.strip()[:MAX_TEXT] or None
