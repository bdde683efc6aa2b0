"""Keys that sign reports: the private key of the service, and its public keys of all times.

The private key lies in a file: the one that is set, or one in the service's folder. Where machines
share a database and no file is set, it lies in the database, as the key of links does. It is made
once. The public half is recorded in the database, so that every machine can hand out all keys.
"""

from typing import TYPE_CHECKING

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bento.db.functions import db_now
from bento.db.models import ReportKey
from bento.security.signing import load_or_create_secret
from bento.settings import ServiceSettings
from unmask.serving.custody.report_signature import sign_report
from unmask.serving.custody.signing_key import (
    key_id,
    load_or_create_key,
    new_private_pem,
    parse_private_pem,
    to_pem,
)
from unmask.serving.report.schema import Report

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAME = "report key"


class ReportSigner:
    """Signs reports with the key of this service."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        self._key = key

    @classmethod
    def load(cls, settings: ServiceSettings, engine: Engine) -> "ReportSigner":
        """Load the key, or make it.

        Raises:
            CustodyError: The key cannot be read or made.
        """
        if settings.database and settings.report_key_file is None:
            pem = load_or_create_secret(engine, NAME, lambda: new_private_pem().decode())
            return cls(parse_private_pem(pem.encode(), NAME))
        return cls(load_or_create_key(settings.report_key_path))

    def sign(self, report: Report) -> Report:
        """Return the report with a signature.

        Raises:
            CustodyError: A value cannot be signed.
        """
        return sign_report(report, self._key)

    def publish(self, engine: Engine) -> None:
        """Record the public key in the database."""
        public = self._key.public_key()
        identity = key_id(public)
        with Session(engine) as session:
            if session.get(ReportKey, identity) is None:
                pem = to_pem(public).decode()
                session.add(ReportKey(key_id=identity, public_key=pem, created_at=db_now()))
                try:
                    session.commit()
                except IntegrityError:  # another process recorded it first
                    session.rollback()


def published_keys(engine: Engine) -> str:
    """Return all public keys, earlier ones too, as one PEM file."""
    with Session(engine) as session:
        keys = session.scalars(select(ReportKey).order_by(ReportKey.created_at)).all()
    return "".join(f"# key id {key.key_id}\n{key.public_key}" for key in keys)
