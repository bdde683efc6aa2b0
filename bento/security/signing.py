"""HMAC-SHA256 signatures of URLs and webhooks, and the key that makes them."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bento.db.models import Secret
from bento.settings import ServiceSettings

NAME = "signing key"
WEBHOOK_SECRET_PREFIX = "whsec_"


def load_signing_key(engine: Engine, settings: ServiceSettings) -> bytes:
    """Return ``UNMASK_SECRET``; if unset, a random key that all machines share in the database."""
    configured = settings.secret.get_secret_value()
    return (configured or load_or_create_secret(engine, NAME, _random_secret)).encode()


def sign_url(key: bytes, route: str, expires: str) -> str:
    """Return the signature of a route that expires at ``expires``, in seconds since 1970."""
    return _hmac_hex(key, f"{route}\n{expires}".encode())


def webhook_secret(key: bytes, tenant: str) -> str:
    """Derive the tenant's webhook secret; no tenant can forge another tenant's webhooks."""
    return _hmac_hex(key, f"webhook\n{tenant}".encode())


def standard_webhook_secret(secret: str) -> str:
    """Return a tenant's webhook secret in the form of the libraries for Standard Webhooks."""
    return WEBHOOK_SECRET_PREFIX + base64.b64encode(bytes.fromhex(secret)).decode()


def sign_webhook(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of ``Unmask-Signature`` for a webhook sent at ``timestamp``."""
    return "v1=" + _hmac_hex(secret.encode(), timestamp.encode() + b"." + body)


def _hmac_hex(key: bytes, message: bytes) -> str:
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def load_or_create_secret(engine: Engine, name: str, create: Callable[[], str]) -> str:
    """Return the secret of this name in the database; store what ``create`` makes if absent."""
    with Session(engine) as session:
        if session.get(Secret, name) is None:
            session.add(Secret(name=name, value=create()))
            try:
                session.commit()
            except IntegrityError:  # another machine inserted it first
                session.rollback()
        return session.get_one(Secret, name).value


def _random_secret() -> str:
    return secrets.token_hex(32)
