"""Ed25519 keys that sign reports: made at first use, stored as PEM, readable by the owner alone."""

import base64
import hashlib
import logging
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from unmask.errors import CustodyError
from unmask.optional_deps import require

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

KEY_NAME = "report-key.pem"
PUBLIC_SUFFIX = ".pub.pem"
PEM_BEGIN = b"-----BEGIN PUBLIC KEY-----"
EXTRA = "custody"

log = logging.getLogger(__name__)


def default_key_path() -> Path:
    """Return where the command line keeps its key: in the user's data directory."""
    return user_data_path("unmask") / KEY_NAME


def public_key_path(path: Path) -> Path:
    """Return where the public half of the key at ``path`` is stored.

    Example:
        >>> public_key_path(Path("report-key.pem")).name
        'report-key.pub.pem'
    """
    return path.with_name(path.name.removesuffix(".pem") + PUBLIC_SUFFIX)


def load_or_create_key(path: Path) -> "Ed25519PrivateKey":
    """Return the private key at ``path``; make one, and its public half beside it, if absent.

    Processes that start at once agree on one key.

    Raises:
        CustodyError: The file is no Ed25519 key, or cannot be read or written.
        MissingExtraError: The package `cryptography` is not installed.
    """
    require("cryptography", extra=EXTRA)
    try:
        if not path.exists():
            _create(path)
        return _read_private(path)
    except OSError as error:
        raise CustodyError(
            f"{path}: the key for reports cannot be read or made ({error.strerror}); check its "
            "permissions, or name another file"
        ) from error


def new_private_pem() -> bytes:
    """Return a new private key as PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    pem: bytes = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem


def _create(path: Path) -> None:
    content = new_private_pem()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write_new(path, content)
    # of the key that won, should another process have made one at the same time
    public = to_pem(_read_private(path).public_key())
    _write_new(public_key_path(path), public)


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that appears complete or not at all, and leave one that exists as it is."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o600)
        try:
            os.link(unfinished, path)
        except FileExistsError:
            return
    finally:
        unfinished.unlink()


def _read_private(path: Path) -> "Ed25519PrivateKey":
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        log.warning("%s: other users can read this key; run `chmod go= %s`", path, path)
    return parse_private_pem(path.read_bytes(), path)


def parse_private_pem(content: bytes, source: object) -> "Ed25519PrivateKey":
    """Return a private key in PEM.

    Args:
        source: Where it comes from, for the error.

    Raises:
        CustodyError: It is no Ed25519 key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError) as error:
        raise _no_key(source, "private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(source, "private")
    return key


def read_public_keys(path: Path) -> "tuple[Ed25519PublicKey, ...]":
    """Return the public keys of a PEM file, which may hold several.

    Raises:
        CustodyError: The file cannot be read, or has none or other keys.
    """
    require("cryptography", extra=EXTRA)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CustodyError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    blocks = [PEM_BEGIN + block for block in content.split(PEM_BEGIN)[1:]]
    if not blocks:
        raise _no_key(path, "public")
    return tuple(_read_public(path, block) for block in blocks)


def _read_public(path: Path, block: bytes) -> "Ed25519PublicKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(block)
    except (ValueError, TypeError) as error:
        raise _no_key(path, "public") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "public")
    return key


def _no_key(source: object, kind: str) -> CustodyError:
    return CustodyError(f"{source}: has no {kind} Ed25519 key in PEM; give another file")


def to_pem(key: "Ed25519PublicKey") -> bytes:
    """Return a public key as PEM."""
    from cryptography.hazmat.primitives import serialization

    pem: bytes = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem


def key_id(key: "Ed25519PublicKey") -> str:
    """Return the SHA-256 of the 32 bytes of a public key, 64 hexadecimal digits."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def from_base64(text: str) -> "Ed25519PublicKey":
    """Return a public key of 32 bytes in base64.

    Raises:
        ValueError: The text is not such a key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))


def find_key(keys: "Sequence[Ed25519PublicKey]", wanted: str) -> "Ed25519PublicKey | None":
    """Return the key of this id; None without one."""
    return next((key for key in keys if key_id(key) == wanted), None)
