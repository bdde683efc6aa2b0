"""Keys that sign reports: a private key in a file, and the public keys of all machines.

A process that starts makes the key of its folder if there is none, and records the public half in
the database, so that every machine of a service can hand out all keys.
"""

from typing import TYPE_CHECKING

from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from bento.db.functions import db_now
from bento.db.models import ReportKey
from bento.settings import ServiceSettings
from unmask.serving.custody.report_signature import sign_report
from unmask.serving.custody.signing_key import key_id, load_or_create_key, to_pem
from unmask.serving.report.schema import Report

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class ReportSigner:
    """Signs reports with the key of this machine."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        self._key = key

    @classmethod
    def load(cls, settings: ServiceSettings) -> "ReportSigner":
        """Load the key that ``settings`` name, or make it.

        Raises:
            CustodyError: The key cannot be read or made.
        """
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
    """Return the public keys of all machines, earlier ones too, as one PEM file."""
    with Session(engine) as session:
        keys = session.scalars(select(ReportKey).order_by(ReportKey.created_at)).all()
    return "".join(f"# key id {key.key_id}\n{key.public_key}" for key in keys)
