"""API keys and their tenants. The key file holds only hashes."""

import hashlib
import re
import secrets
from pathlib import Path

from unmask.errors import ConfigError

LOCAL = "local"  # the tenant if no API keys are configured
TENANT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
KEY_BYTES = 32
_REMEDY = "create a key with `python -m bento keys add FILE TENANT`"


class ApiKeyStore:
    """The keys of a file, which is read again whenever it changes.

    Args:
        path: Lines of ``tenant hash``; None if the service needs no keys.

    Raises:
        ConfigError: The file is missing or malformed; any method may raise this.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._modified_ns = 0
        self._tenants: dict[str, str] = {}
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
        self._refresh(self._path)
        # a random 32-byte key needs neither a slow hash nor a constant-time comparison
        return self._tenants.get(hash_key(key)) if key else None

    def _refresh(self, path: Path) -> None:
        try:
            modified_ns = path.stat().st_mtime_ns
            if modified_ns != self._modified_ns:
                self._tenants, self._modified_ns = _read(path), modified_ns
        except OSError as error:
            raise ConfigError(f"{path}: API keys cannot be read; {_REMEDY}") from error


def hash_key(key: str) -> str:
    """Return the hash of a key, as the key file stores it."""
    return hashlib.sha256(key.encode()).hexdigest()


def create_key(path: Path, tenant: str) -> str:
    """Create a key, append its hash to ``path``, and return the key.

    Raises:
        ConfigError: The tenant name has characters other than letters, digits and ``_.-``.
    """
    if not TENANT.fullmatch(tenant):
        raise ConfigError(f"{tenant!r}: invalid tenant name; use letters, digits and _.-")
    key = secrets.token_urlsafe(KEY_BYTES)
    with path.open("a") as file:
        path.chmod(0o600)
        file.write(f"{tenant} {hash_key(key)}\n")
    return key


def _read(path: Path) -> dict[str, str]:
    tenants = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match line.split():
            case [tenant, key_hash] if TENANT.fullmatch(tenant) and re.fullmatch(
                "[0-9a-f]{64}", key_hash
            ):
                tenants[key_hash] = tenant
            case _:
                raise ConfigError(f"{path}, line {number}: expected `tenant hash`; {_REMEDY}")
    return tenants
