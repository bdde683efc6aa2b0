"""API keys and their tenants. The key file holds only hashes."""

import hashlib
import logging
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from unmask.errors import ConfigError

LOCAL = "local"  # the tenant if no API keys are configured
TENANT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
KEY_BYTES = 32
OPERATOR = "operator"
_REMEDY = "create a key with `python -m bento keys add FILE TENANT`"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Who a key belongs to, and whether it may see numbers of all tenants."""

    tenant: str
    is_operator: bool


class ApiKeyStore:
    """The keys of a file; a change of the file counts from the next request on.

    Args:
        path: Lines of ``tenant hash`` or ``tenant hash operator``; None if the service needs no
            keys. A malformed line is logged and skipped.

    Raises:
        ConfigError: The file is missing, or has no valid line; any method may raise this.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._content = b""
        self._keys: dict[str, ApiKey] = {}
        if path is not None:
            self._refresh(path)

    @property
    def enabled(self) -> bool:
        """Whether requests need a key."""
        return self._path is not None

    def tenant(self, key: str | None) -> str | None:
        """Return the key's tenant; None if the key is unknown."""
        if self._path is None:
            return LOCAL
        known = self._find(self._path, key)
        return known.tenant if known else None

    def is_operator(self, key: str | None) -> bool:
        """Return whether the key may see numbers of all tenants; without keys, everyone may."""
        if self._path is None:
            return True
        known = self._find(self._path, key)
        return known is not None and known.is_operator

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


def create_key(path: Path, tenant: str, is_operator: bool = False) -> str:
    """Create a key, append its hash to ``path``, and return the key.

    Raises:
        ConfigError: The tenant name has characters other than letters, digits and ``_.-``.
    """
    if not TENANT.fullmatch(tenant):
        raise ConfigError(f"{tenant!r}: invalid tenant name; use letters, digits and _.-")
    key = secrets.token_urlsafe(KEY_BYTES)
    role = f" {OPERATOR}" if is_operator else ""
    with path.open("a") as file:
        path.chmod(0o600)
        file.write(f"{tenant} {hash_key(key)}{role}\n")
    return key


def _parse(path: Path, content: bytes) -> dict[str, ApiKey]:
    keys, malformed = {}, []
    for number, line in enumerate(content.decode("utf-8-sig", errors="replace").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match line.split():
            case [tenant, key_hash, *role] if (
                TENANT.fullmatch(tenant)
                and re.fullmatch("[0-9a-f]{64}", key_hash)
                and role in ([], [OPERATOR])
            ):
                keys[key_hash] = ApiKey(tenant, is_operator=bool(role))
            case _:
                malformed.append(f"{path}, line {number}: expected `tenant hash`; {_REMEDY}")
    if malformed and not keys:
        raise ConfigError(malformed[0])
    for message in malformed:
        log.warning("%s; the line is skipped", message)
    return keys
