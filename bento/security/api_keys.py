"""API keys: who may ask, and whose jobs they see. Only hashes of keys are written down.

``python -m bento.security.api_keys FILE TENANT`` makes a key for a tenant, prints it once with
the secret that signs the tenant's webhooks, and appends its hash to FILE.
"""

import hashlib
import hmac
import re
import secrets
import sys
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from bento.db.engine import create_migrated_engine
from bento.security.signing import load_signing_key
from bento.settings import ServiceSettings
from unmask.errors import ConfigError, UnmaskError

LOCAL = "local"  # the tenant where no keys are asked for
TENANT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
KEY_BYTES = 32


class ApiKeyStore:
    """The keys in a file, read again whenever the file changes.

    Args:
        path: Lines of ``tenant hash``; None where no keys are asked for.

    Raises:
        ConfigError: The file is missing or holds something else.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._read_at = 0
        self._tenants: dict[str, str] = {}
        if path is not None:
            self._refresh()

    @property
    def enabled(self) -> bool:
        """Whether a caller needs a key."""
        return self._path is not None

    def tenant(self, key: str | None) -> str | None:
        """Whose key this is; None of nobody's."""
        if self._path is None:
            return LOCAL
        self._refresh()
        # a random key of 32 bytes needs no slow hash, and its hash no comparison in constant time
        return self._tenants.get(hash_key(key)) if key else None

    def _refresh(self) -> None:
        path = self._path
        if path is None:
            return
        try:
            changed = path.stat().st_mtime_ns
            if changed != self._read_at:
                self._tenants, self._read_at = _read(path), changed
        except OSError as error:
            raise ConfigError(f"{path}: no API keys can be read; make one: {_HOW}") from error


_HOW = "python -m bento.security.api_keys FILE TENANT"


def hash_key(key: str) -> str:
    """What is written down of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def webhook_secret(key: bytes, tenant: str) -> str:
    """What signs a tenant's webhooks; one tenant cannot forge those of another."""
    return hmac.new(key, f"webhook\n{tenant}".encode(), hashlib.sha256).hexdigest()


def create_key(path: Path, tenant: str) -> str:
    """Make a key, append its hash to ``path``, and give the key.

    Raises:
        ConfigError: The tenant's name has other characters than letters, digits and ``_.-``.
    """
    if not TENANT.fullmatch(tenant):
        raise ConfigError(f"{tenant!r} is no name for a tenant; use letters, digits and _.-")
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
            case [tenant, found] if TENANT.fullmatch(tenant) and re.fullmatch(
                "[0-9a-f]{64}", found
            ):
                tenants[found] = tenant
            case _:
                raise ConfigError(f"{path}, line {number}: wanted `tenant hash`; make one: {_HOW}")
    return tenants


def main() -> None:
    """Make a key from the command line."""
    if len(sys.argv) != 3:
        sys.exit(f"usage: {_HOW}")
    path, tenant = Path(sys.argv[1]), sys.argv[2]
    try:
        settings = ServiceSettings.from_environment()
        secret = webhook_secret(
            load_signing_key(create_migrated_engine(settings), settings), tenant
        )
        key = create_key(path, tenant)
    except (UnmaskError, OSError) as error:
        sys.exit(str(error))
    except SQLAlchemyError as error:  # its words may hold the address, and that a password
        kind = type(error).__name__
        sys.exit(f"the database does not answer ({kind}); start it, or mend UNMASK_DATABASE")
    print(f"key             {key}")
    print(f"webhook secret  {secret}")


if __name__ == "__main__":
    main()
