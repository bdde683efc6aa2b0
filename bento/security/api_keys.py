"""API keys and their tenants. The key file holds only hashes."""

import hashlib
import logging
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bento.security.key_expiry import read_expiry
from bento.security.scopes import DEFAULT_SCOPES, Scope
from unmask.errors import ConfigError

LOCAL = "local"  # the tenant if no API keys are configured
TENANT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
KEY_BYTES = 32
OPERATOR = "operator"  # all scopes
SCOPES, EXPIRES = "scopes=", "expires="
_OPERATOR_SCOPES = frozenset(Scope)
_REMEDY = "create a key with `python -m bento keys add FILE TENANT`"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Who a key belongs to, what it may do, and until when; None if it does not expire."""

    tenant: str
    scopes: frozenset[Scope] = DEFAULT_SCOPES
    expires_at: datetime | None = None

    def has_expired(self, now: datetime) -> bool:
        """Return whether the key is no longer valid."""
        return self.expires_at is not None and self.expires_at <= now


class ApiKeyStore:
    """The keys of a file; a change of the file counts from the next request on.

    Args:
        path: Lines of ``tenant hash``, ``operator`` or ``scopes=read,submit``, and
            ``expires=2027-01-31T00:00:00+00:00``; None if the service needs no keys. A malformed
            line is logged and skipped.
        clock: Returns the present time, in UTC.

    Raises:
        ConfigError: The file is missing, or has no valid line; any method may raise this.
    """

    def __init__(
        self, path: Path | None, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._path = path
        self._clock = clock
        self._content = b""
        self._keys: dict[str, ApiKey] = {}
        if path is not None:
            self._refresh(path)

    @property
    def enabled(self) -> bool:
        """Whether requests need a key."""
        return self._path is not None

    def tenant(self, key: str | None) -> str | None:
        """Return the key's tenant; None if the key is unknown or has expired."""
        if self._path is None:
            return LOCAL
        known = self._find(self._path, key)
        return known.tenant if known and not known.has_expired(self._clock()) else None

    def expiry(self, key: str | None) -> datetime | None:
        """Return when the key expired; None if it is unknown or still valid."""
        known = self._find(self._path, key) if self._path else None
        return known.expires_at if known and known.has_expired(self._clock()) else None

    def has_scope(self, key: str | None, scope: Scope) -> bool:
        """Return whether the key may do this; without keys, everyone may."""
        if self._path is None:
            return True
        known = self._find(self._path, key)
        return known is not None and scope in known.scopes

    def _find(self, path: Path, key: str | None) -> ApiKey | None:
        self._refresh(path)
        # a random 32-byte key needs neither a slow hash nor a constant-time comparison
        return self._keys.get(hash_key(key)) if key else None

    def _refresh(self, path: Path) -> None:
        try:
            content = path.read_bytes()  # a file may change without a change of its times or size
        except OSError as error:
            raise ConfigError(f"{path}: API keys cannot be read; {_REMEDY}") from error
        if content != self._content or not self._keys:
            self._keys, self._content = _parse(path, content), content


def hash_key(key: str) -> str:
    """Return the hash of a key, as the key file stores it."""
    return hashlib.sha256(key.encode()).hexdigest()


def create_key(
    path: Path,
    tenant: str,
    scopes: frozenset[Scope] = DEFAULT_SCOPES,
    expires_at: datetime | None = None,
) -> str:
    """Create a key, append its hash to ``path``, and return the key.

    Raises:
        ConfigError: The tenant name has characters other than letters, digits and ``_.-``.
    """
    if not TENANT.fullmatch(tenant):
        raise ConfigError(f"{tenant!r}: invalid tenant name; use letters, digits and _.-")
    key = secrets.token_urlsafe(KEY_BYTES)
    parts = [tenant, hash_key(key), *_scope_words(scopes)]
    if expires_at is not None:
        parts.append(f"{EXPIRES}{expires_at.isoformat()}")
    with path.open("a") as file:
        path.chmod(0o600)
        file.write(" ".join(parts) + "\n")
    return key


def parse_line(line: str) -> tuple[str, ApiKey] | None:
    """Return hash and key of a line; None for a comment or a malformed line."""
    match line.split():
        case [tenant, key_hash, *rights] if TENANT.fullmatch(tenant) and re.fullmatch(
            "[0-9a-f]{64}", key_hash
        ):
            try:
                return key_hash, _parse_rights(tenant, rights)
            except (ConfigError, ValueError):
                return None
    return None


def _scope_words(scopes: frozenset[Scope]) -> list[str]:
    if scopes == DEFAULT_SCOPES:
        return []
    if scopes == _OPERATOR_SCOPES:
        return [OPERATOR]
    return [SCOPES + ",".join(scope for scope in Scope if scope in scopes)]


def _parse_rights(tenant: str, rights: list[str]) -> ApiKey:
    scopes, expires_at = DEFAULT_SCOPES, None
    for word in rights:
        if word == OPERATOR:
            scopes = _OPERATOR_SCOPES
        elif word.startswith(SCOPES):
            scopes = frozenset(map(Scope, word.removeprefix(SCOPES).split(",")))
        elif word.startswith(EXPIRES):
            expires_at = read_expiry(word.removeprefix(EXPIRES))
        else:
            raise ConfigError(f"{word!r}: is no right of a key")
    return ApiKey(tenant, scopes, expires_at)


def _parse(path: Path, content: bytes) -> dict[str, ApiKey]:
    keys, malformed = {}, []
    for number, line in enumerate(content.decode("utf-8-sig", errors="replace").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if entry := parse_line(line):
            keys[entry[0]] = entry[1]
        else:
            malformed.append(f"{path}, line {number}: expected `tenant hash`; {_REMEDY}")
    if malformed and not keys:
        raise ConfigError(malformed[0])
    for message in malformed:
        log.warning("%s; the line is skipped", message)
    return keys
